cluster "c" {
  node "n1" {
    address = "10.0.0.1"
    tls {
      cert_file = "/n1.pem"
      key_file  = "/n1-key.pem"
    }
  }
  tls { ca_file = "/ca.pem" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
