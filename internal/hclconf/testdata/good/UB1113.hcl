cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["az:1"]
  }
  node "n2" {
    address = "10.0.0.2"
    tags    = ["az:2"]
  }
  node "n3" {
    address = "10.0.0.3"
    tags    = ["az:3"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  jetstream { unique_tag = "az:" }
  bucket "b" {}
}
