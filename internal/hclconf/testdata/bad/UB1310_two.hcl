cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "a" {
    source {
      name = "b"
    }
  }
  bucket "b" {
    mirror {
      name = "KV_a" # want@14 `UB1310: buckets copy each other in a circle: a ← b ← a`
    }
  }
}
