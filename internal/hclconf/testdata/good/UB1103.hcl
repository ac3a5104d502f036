cluster "c" {
  insecure = true
  node "n1" { address = "n1.example.net" }
  node "n2" { address = "2001:db8::2" }
  node "n3" {
    address = "203.0.113.3"
    listen  = "::"
    monitor { listen = "::1" }
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
