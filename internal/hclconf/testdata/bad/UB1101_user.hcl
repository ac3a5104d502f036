cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  user "u" { password = "$2a$11$6nP0vLvYZ0Fu/Dn1rYvcxOtRzqhRZDmDvp4cFvpOoDkjG8SsYTaMG" } # want@8 `UB1101: two users of account "BUS" are called "u"`
}
