cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
  }
  node "n2" {
    address = "10.0.0.2"
  }
  node "n3" {
    address = "10.0.0.3"
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user     = "r"
    password = secret.a
  }
  secrets { a = age("age-encryption.org/v1") } # want@17 `UB1221: this is no age ciphertext, or it was changed`
}
