supercluster "s" {
  insecure = true
  cluster "east" {
    node "e1" { address = "10.1.0.1" }
    node "e2" { address = "10.1.0.2" }
    node "e3" { address = "10.1.0.3" }
  }
  cluster "west" {
    node "w1" { address = "10.2.0.1" }
    node "w2" { address = "10.2.0.2" }
    node "w3" { address = "10.2.0.3" }
  }
  cluster "third" {
    node "a" {
      address = "10.3.0.1"
      arbiter = true
    }
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    replicas = 1
    placement {
      cluster = "third" # want@17 `UB1111: cluster "third" has no node that stores data` try `cluster = "east"`
    }
  }
}
