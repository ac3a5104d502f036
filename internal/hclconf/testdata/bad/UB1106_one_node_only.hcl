cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" {
    address  = "10.0.0.4" # want@16 `UB1106: routes to node "n4" would cross the network in clear text`
    insecure = false
  }
  node "n5" { address = "10.0.0.5" }
}
