cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["disk:ssd"]
  }
  node "n2" {
    address = "10.0.0.2"
    tags    = ["disk:hdd"]
  }
  node "n3" {
    address = "10.0.0.3"
    tags    = ["disk:hdd"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" { # want@3 `UB1104: bucket "b" wants 3 replicas, its placement matches 1 node` try `replicas = 1, or add 2 nodes`
    placement {
      tags = ["disk:ssd"]
    }
  }
}
