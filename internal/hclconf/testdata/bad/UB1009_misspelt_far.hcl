cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  jetstream {
    max_file_stroage = "1GiB" # want@5 `UB1009: jetstream has no argument "max_file_stroage"` try `did you mean max_file_store\?`
  }
}
