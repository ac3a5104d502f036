cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user     = "route"
    password = "0123456789\nabcdef" # want@16 `UB1202: the password of the routes has a line break or another control character` want@16 `warning UB1204: password is written in the file`
  }
}
