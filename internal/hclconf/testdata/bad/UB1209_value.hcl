cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user     = "route"
    password = "hunter2secret" # want@16 `warning UB1204: password is written in the file`
  }
  user "v" { password = "hunter2secret" } # want@25 `UB1209: the password of user "v" is also the password of the routes` want@25 `warning UB1204: password is written in the file`
}
