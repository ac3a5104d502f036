cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file     = "/ca"
    cert_file   = "/c"
    key_file    = "/k"
    min_version = "1.1" # want@19 `UB1012: min_version cannot be "1\.1"` try `did you mean "1\.2"\?`
  }
}
