cluster "c" { # want@1 `UB1001: this block is not closed, the file ends inside it`
  node "n1" {
    address = "10.0.0.1"
  }
  bucket "b" {
    replicas = 1
  }
