cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n-4.x_y" { address = "10.0.0.4" }
  node "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" { address = "10.0.0.5" }
  bucket "rooms-all_2" {
    mirror {
      name = "KV_a"
    }
  }
  account "A-b" {}
  jetstream { domain = "hub-1" }
}
