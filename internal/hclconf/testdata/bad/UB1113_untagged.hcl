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
  node "n4" { address = "10.0.0.4" } # want@8 `warning UB1113: node "n4" has no tag that begins with "az:", so it never gets a replica`
  node "n5" { address = "10.0.0.5" } # want@8 `warning UB1113: node "n5" has no tag that begins with "az:", so it never gets a replica`
}
