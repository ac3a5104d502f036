cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  user "v" {
    nkey     = "UBNWNO5AYB6WOCCRIXEY5YDMK4QP6FA46336ACXAWXDQEU53N3JMHBEZ"
    password = "$2a$11$6nP0vLvYZ0Fu/Dn1rYvcxOtRzqhRZDmDvp4cFvpOoDkjG8SsYTaMG" # want@16 `UB1202: user "v" has both an nkey and a password`
  }
}
