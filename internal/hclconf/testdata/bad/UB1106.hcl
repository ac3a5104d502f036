cluster "c" {
  node "n1" { address = "10.0.0.1" } # want@25 `UB1106: routes to node "n1" would cross the network in clear text`
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

}
