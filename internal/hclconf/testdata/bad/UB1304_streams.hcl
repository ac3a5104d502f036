cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    jetstream { max_streams = 1 }
    bucket "a" {}
    bucket "b" {} # want@12 `UB1304: bucket "b" is one too many: account "A" may have 1 stream`
  }
}
