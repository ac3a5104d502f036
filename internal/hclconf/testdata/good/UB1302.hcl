cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" { replicas = 1 }
}
