cluster "c" {
  node "n1" { # want@3 `UB1001: this block is not closed`
    address = "10.0.0.1"

  node "n2" {
    address = "10.0.0.2"
  }
}
