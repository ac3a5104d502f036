cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" { address = "nats://10.0.0.9" } # want@25 `UB1103: "nats://10\.0\.0\.9" is a URL, not an address`
  node "n5" { address = "10.0.0.5" }
}
