cluster "c" {
  node "n1" {
    address = "10.0.0.1"
    tls { ca_file = "/ca.pem" } # want@5 `UB1010: tls needs key_file`
  }
  tls { cert_file = "/${node.name}.pem" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
