cluster "c" {
  insecure = true
  node "n1" { address = "2001:db8::1" }
  node "n2" { address = "2001:db8:0:0::1" } # want@25 `UB1105: nodes "n1" and "n2" have the same address 2001:db8:0:0::1 and both want port 4222 \(client_port\)`
  node "n3" { address = "2001:db8::3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
