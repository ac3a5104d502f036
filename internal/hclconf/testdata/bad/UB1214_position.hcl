cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export {
      stream                 = "a.*.>"
      account_token_position = 1 # want@32 `UB1214: word 1 of "a.\*.>" is not \*`
    }
    export {
      service                = "a.*"
      account_token_position = 2
      accounts               = ["BUS"] # want "UB1214: accounts and account_token_position exclude each other.*"
    }
  }
}
