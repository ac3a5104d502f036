cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "a" { max_bytes = "6GiB" }
  bucket "b" { max_bytes = "6GiB" } # want@28 `UB1305: with bucket "b" the file declares 36GiB for all replicas, but all nodes together have 30GiB`
}
