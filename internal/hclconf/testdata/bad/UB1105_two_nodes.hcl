cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" { address = "10.0.0.1" } # want@25 `UB1105: nodes "n1" and "n4" have the same address 10\.0\.0\.1 and both want port 4222 \(client_port\)`
  node "n5" { address = "10.0.0.5" }
}
