cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {}
  node "n4" {
    address = "10.0.0.4"
    tags    = ["a", "A"] # want@21 `UB1112: node "n4" has the tag "A" twice`
  }
  node "n5" { address = "10.0.0.5" }
}
