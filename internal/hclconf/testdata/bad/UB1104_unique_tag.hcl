cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["az:1"]
  }
  node "n2" { # want@3 `warning UB1113: JetStream stops when zone "az:2" is lost: it has 2 of 3 voters \(n2, n3\)`
    address = "10.0.0.2"
    tags    = ["az:2"]
  }
  node "n3" {
    address = "10.0.0.3"
    tags    = ["az:2"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  jetstream { unique_tag = "az:" }
  bucket "b" { replicas = 3 } # want@27 `UB1104: bucket "b" wants 3 replicas, but the nodes have only 2 different "az:" tags` try `give each node its own tag, such as tags = \["az:1"\], or leave unique_tag out`
}
