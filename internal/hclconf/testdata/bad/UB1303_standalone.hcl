cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    jetstream { max_file_store = "6GiB" }
  }
  account "B" {
    jetstream { max_file_store = "6GiB" } # want@34 `UB1303: the accounts up to "B" may store 12GiB, but node "n1" has 10GiB`
  }
}
