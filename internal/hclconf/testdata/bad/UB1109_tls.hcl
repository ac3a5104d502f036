cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file   = "ca.pem" # want@17 `UB1109: ca_file = "ca\.pem" is not an absolute path`
    cert_file = "/c.pem"
    key_file  = "./k.pem" # want@17 `UB1109: key_file = "\./k\.pem" is not an absolute path`
  }
}
