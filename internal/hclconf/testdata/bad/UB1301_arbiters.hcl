cluster "c" {
  insecure = true
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" { # want@3 `UB1301: every node is an arbiter, so nothing can be stored`
    address = "10.0.0.4"
    arbiter = true
  }
}
