cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" } # want@8 `warning UB1312: node "n1" stores in clear what node "n4" encrypts`
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" {
    address = "10.0.0.4"
    jetstream {
      encryption {
        key = file("/k")
      }
    }
  }
  node "n5" { address = "10.0.0.5" }
}
