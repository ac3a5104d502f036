cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user              = "route"
    password          = secret.a
    previous_password = secret.a # want@25 `warning UB1311: previous_password is the password itself`
  }
  secrets { a = file("/a") }
}
