cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" {
    client_advertise = "10.0.0.4:4222" # want@5 `UB1009: node has no argument "client_advertise"` try `leave it out: what is advertised is always the node's address`
    address          = "10.0.0.4"
  }
  node "n5" { address = "10.0.0.5" }
}
