cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    jetstream { disk_max_stream_bytes = "1GiB" }
    bucket "a" { max_bytes = "2GiB" } # want@30 `UB1304: bucket "a" takes 2GiB, but a stream of account "A" may have 1GiB`
  }
}
