cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" {
    address = "10.0.0.4"
    listen  = "127.0.0.1" # want@15 `warning UB1115: node "n4" listens on 127\.0\.0\.1 only, but peers and clients dial 10\.0\.0\.4`
  }
  node "n5" { address = "10.0.0.5" }
}
