cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { # want@5 `UB1214: an export of account "A" is neither a stream nor a service` try `stream = .*`
      accounts = ["BUS"]
    }
  }
  account "BUS" {
    import { # want@5 `UB1214: an import of account "BUS" is neither a stream nor a service` try `.*account and the subject.*`
      to = "a"
    }
  }
}
