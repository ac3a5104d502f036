cluster "c" {
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file   = "/ca.pem"
    cert_file = "/c.pem"
    key_file  = "/ca.pem" # want@17 `UB1108: the key of node "n1" and the authority that signs its certificate are the same file`
  }
}
