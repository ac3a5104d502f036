cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  user "v" { password = "$2a$11$6nP0vLvYZ0Fu" } # want@25 `UB1202: the password of user "v" begins like a bcrypt hash, but is none` want@25 `warning UB1204: password is written in the file`
}
