cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user     = "route"
    password = secret.a
  }
  user "v" { password = secret.b }
  user "w" { password = secret.b }
  secrets {
    a = file("/a")
    b = file("/b")
  }
}
