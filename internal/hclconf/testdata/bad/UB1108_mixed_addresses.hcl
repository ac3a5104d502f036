cluster "c" {
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file   = "/ca.pem"
    cert_file = "/${node.name}.pem"
    key_file  = "/${node.name}-key.pem"
  }
  node "n4" { address = "n4.example.net" } # want@25 `UB1108: node "n4" is dialled by DNS name and node "n1" by IP address`
  node "n5" { address = "10.0.0.5" }
}
