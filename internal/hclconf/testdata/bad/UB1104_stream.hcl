cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  stream "S" {
    replicas = 4 # want@16 `UB1104: stream "S" wants 4 replicas` try `replicas = 3 survives the loss of as many nodes, replicas = 5 of one more`
  }
  object_store "o" {
    replicas = 5 # want@16 `UB1104: object store "o" wants 5 replicas, cluster "c" has 3 data nodes` try `replicas = 3, or add 2 nodes`
  }
}
