cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["disk:ssd"]
  }
  node "n2" {
    address = "10.0.0.2"
    tags    = ["disk:ssd"]
  }
  node "n3" {
    address = "10.0.0.3"
    tags    = ["disk:hdd"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    replicas = 3 # want@16 `UB1104: bucket "b" wants 3 replicas, its placement matches 2 nodes` try `replicas = 1, or add 1 node`
    placement {
      tags = ["!disk:hdd"]
    }
  }
}
