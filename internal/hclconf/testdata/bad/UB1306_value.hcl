cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    max_bytes      = "1KiB"
    max_value_size = "2KiB" # want@22 `UB1306: one value may have 2KiB, but the whole bucket has 1KiB`
  }
}
