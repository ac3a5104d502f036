cluster "c" {
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file   = "/all.pem"
    cert_file = "/all.pem" # want@17 `UB1108: the certificate of node "n1" and the authority that signs it are the same file`
    key_file  = "/all.pem"
  }
}
