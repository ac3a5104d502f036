cluster "c" {
  node "n1" {
    address = "10.0.0.1"
    tls {
      ca_file   = "/ca"
      cert_file = "/c"
      key_file  = "/k"
    }
  }
  node "n2" { address = "10.0.0.2" } # want@8 `UB1108: node "n2" has no tls, but node "n1" has`
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
