cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  jetstream {
    store_dir = "./data" # want@17 `UB1109: store_dir = "\./data" is not an absolute path` try `store_dir = "/var/lib/unibus/data"`
  }
}
