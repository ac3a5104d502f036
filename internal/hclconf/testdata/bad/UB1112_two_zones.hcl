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
  node "n4" {
    address = "10.0.0.4"
    tags    = ["az:4", "az:5"] # want@24 `warning UB1112: node "n4" has two tags that begin with "az:", of which only the first counts`
  }
  node "n5" {
    address = "10.0.0.5"
    tags    = ["az:5"]
  }
}
