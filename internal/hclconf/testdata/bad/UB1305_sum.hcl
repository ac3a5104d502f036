cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  node "n4" { address = "10.0.0.4" }
  node "n5" { address = "10.0.0.5" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "a" {
    max_bytes = "9GiB"
  }
  bucket "b" {
    max_bytes = "8GiB" # want@17 `UB1305: with bucket "b" the file declares 51GiB for all replicas, but all nodes together have 50GiB`
  }
}
