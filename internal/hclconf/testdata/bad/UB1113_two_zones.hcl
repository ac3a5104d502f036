cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["az:1"]
  }
  node "n2" {
    address = "10.0.0.2"
    tags    = ["az:1"]
  }
  node "n3" { # want@3 `warning UB1113: JetStream stops when zone "az:2" is lost: it has 3 of 5 voters \(n3, n4, n5\)`
    address = "10.0.0.3"
    tags    = ["az:2"]
  }
  node "n4" {
    address = "10.0.0.4"
    tags    = ["az:2"]
  }
  node "n5" {
    address = "10.0.0.5"
    tags    = ["az:2"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {}
}
