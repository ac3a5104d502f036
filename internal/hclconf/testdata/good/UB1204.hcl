cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  secrets { a = env("A") }
  user "v" { password = secret.a }
  user "w" { password = "$2a$11$6nP0vLvYZ0Fu/Dn1rYvcxOtRzqhRZDmDvp4cFvpOoDkjG8SsYTaMG" }
  user "x" { password = "prefix-${secret.a}" }
}
