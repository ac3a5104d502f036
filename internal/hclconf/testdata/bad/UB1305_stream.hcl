cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  stream "S" { max_bytes = "6GiB" }
  object_store "o" { max_bytes = "6GiB" } # want@34 `UB1305: with object store "o" the file declares 36GiB for all replicas, but all nodes together have 30GiB`
}
