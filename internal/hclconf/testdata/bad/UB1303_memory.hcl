cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  jetstream { max_memory_store = "1GiB" }
  account "A" {
    jetstream { max_memory_store = "4GiB" } # want@36 `UB1303: account "A" may store 4GiB, but all nodes together have 3GiB`
  }
}
