cluster "c" {
  node "n1" { address = "127.0.0.1" }
  node "n2" {
    address      = "127.0.0.1" # want@20 `UB1105: nodes "n1" and "n2" have the same address 127\.0\.0\.1 and both want port 8222 \(monitor port\)`
    client_port  = 4223
    cluster_port = 6223
  }
  node "n3" { address = "127.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
