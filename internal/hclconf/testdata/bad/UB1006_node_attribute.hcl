cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file   = "/ca"
    cert_file = "/${node.hostname}" # want@21 `UB1006: there is no node\.hostname` try `known are node\.address, node\.name`
    key_file  = "/k"
  }
}
