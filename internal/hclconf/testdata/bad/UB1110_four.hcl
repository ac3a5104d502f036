cluster "c" { # want@1 `warning UB1110: 4 voters survive the loss of 1 node, no more than 3 would`
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  node "n4" { address = "10.0.0.4" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {}
}
