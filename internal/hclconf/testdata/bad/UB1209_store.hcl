cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user              = "route"
    password          = secret.a
    previous_password = secret.b
  }
  jetstream {
    encryption {
      key = secret.b # want@13 `UB1209: the key of the store of node "n1" is also the previous password of the routes`
    }
  }
  secrets {
    a = file("/a")
    b = env("B")
  }
}
