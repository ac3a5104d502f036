cluster "c" {
  node "n1" { address = "127.0.0.1" }
  node "n2" { address = "127.0.0.2" }
  node "n3" { address = "127.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
