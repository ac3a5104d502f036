cluster "c" { # want@1 `warning UB1203: the file has no user, so only unibus itself can connect`
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  bucket "b" {}
}
