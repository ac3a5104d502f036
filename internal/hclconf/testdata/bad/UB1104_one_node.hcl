cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" { replicas = 3 } # want@27 `UB1104: bucket "b" wants 3 replicas, cluster "c" has 1 data node` try `replicas = 1, or add 2 nodes`
}
