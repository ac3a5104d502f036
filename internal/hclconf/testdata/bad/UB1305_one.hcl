cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "a" { max_bytes = "11GiB" } # want@28 `UB1305: bucket "a" takes 11GiB on each of 3 nodes, but node "n1" has only 10GiB`
}
