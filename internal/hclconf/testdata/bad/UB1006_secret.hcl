cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user     = "route"
    password = secret.rout # want@16 `UB1006: there is no secret\.rout` try `did you mean secret\.route\?`
  }
  secrets {
    route = file("/r")
  }
}
