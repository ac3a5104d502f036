cluster "c" {
  insecure = true
  node "n1" { # want@3 `warning UB1113: JetStream stops when zone "az:1" is lost: it has 2 of 3 voters \(n1, n2\)`
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
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" { replicas = 1 } # want@27 `warning UB1302: bucket "b" has one replica and is lost with its node`
}
