cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    qwertyuiop = 3 # want@5 `UB1009: bucket has no argument "qwertyuiop"` try `bucket has description, replicas, history, ttl, max_bytes, max_value_size, storage, compression, limit_marker_ttl, metadata, allow_direct, allow_data_loss, placement, republish, mirror and source`
  }
}
