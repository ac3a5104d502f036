cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    jetstream { max_file_store = "5GiB" }
    bucket "a" { max_bytes = "1GiB" }
    bucket "b" { max_bytes = "1GiB" } # want@30 `UB1304: with bucket "b" the account "A" needs 6GiB for all replicas, but may store 5GiB`
  }
}
