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
    max_value_size = "64KiB"
    source { name = "rooms" }
  }
  bucket "elsewhere" {
    max_value_size = "1KiB"
    source {
      name   = "rooms"
      domain = "hub"
    }
  }
  stream "ORDERS" {
    subjects     = ["orders.*"]
    max_msg_size = "64KiB"
  }
  stream "COPY" {
    mirror { name = "ORDERS" }
  }
  stream "ROOMS" {
    source { name = "KV_rooms" }
  }
}
