cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    replicas = 2 # want@16 `UB1104: bucket "b" wants 2 replicas` try `replicas = 1 survives the loss of as many nodes, replicas = 3 of one more`
  }
}
