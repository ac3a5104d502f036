cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" {
    address = "10.0.0.4"
    jetstream { max_file_store = "1GiB" }
  }
  bucket "a" {
    replicas  = 3
    max_bytes = "2GiB" # want@17 `UB1305: bucket "a" takes 2GiB on each of 3 nodes, but node "n4" has only 1GiB`
    placement {
      tags = ["!x"]
    }
  }
}
