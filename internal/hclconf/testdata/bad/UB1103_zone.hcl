cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" { address = "fe80::1%eth0" } # want@25 `UB1103: fe80::1%eth0 has a zone, which means something else on every host`
  node "n5" { address = "10.0.0.5" }
}
