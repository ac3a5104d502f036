cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  secrets {
    a = secret.b # want@9 `UB1007: secret\.a needs itself: secret\.a → secret\.b → secret\.c → secret\.a`
    b = secret.c
    c = secret.a
  }
}
