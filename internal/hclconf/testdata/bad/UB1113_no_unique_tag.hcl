cluster "c" { # want@1 `warning UB1113: the nodes are in 3 zones, but two replicas of a bucket may end in the same one`
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["az:1"]
  }
  node "n2" {
    address = "10.0.0.2"
    tags    = ["az:1"]
  }
  node "n3" {
    address = "10.0.0.3"
    tags    = ["az:2"]
  }
  node "n4" {
    address = "10.0.0.4"
    tags    = ["az:2"]
  }
  node "n5" {
    address = "10.0.0.5"
    tags    = ["az:3"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {}
}
