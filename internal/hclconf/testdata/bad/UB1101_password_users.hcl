cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    user "x" { password = secret.a }
  }
  account "B" {
    user "x" { password = secret.b } # want@10 `UB1101: two users with passwords are called "x"; a client names only the user, not the account`
  }
  secrets {
    a = file("/a")
    b = file("/b")
  }
}
