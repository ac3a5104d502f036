cluster "c" {
  node "n1" { address = "10.0.0.1" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file   = "/etc/unibus/ca.pem"
    cert_file = "/etc/unibus/${node.name}.pem"
    key_file  = "/etc/unibus/${node.name}-key.pem"
  }
  monitor { listen = "10.0.0.1" } # want@22 `UB1117: node "n1" shows its status on 10\.0\.0\.1 to everybody: it has no token`
}
