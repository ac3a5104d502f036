cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "rooms" {
    max_value_size = "64KiB"
  }
  bucket "copy" {
    max_value_size = "1KiB" # want@22 `UB1317: bucket "copy" takes messages of 1KiB, but copies bucket "rooms" with up to 64KiB` try `max_value_size = "64KiB" or more, or none`
    mirror { name = "rooms" }
  }
}
