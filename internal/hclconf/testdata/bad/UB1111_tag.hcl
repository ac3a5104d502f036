cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["ssd"]
  }
  node "n2" {
    address = "10.0.0.2"
    tags    = ["ssd"]
  }
  node "n3" {
    address = "10.0.0.3"
    tags    = ["ssd"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    placement {
      tags = ["sdd"] # want@15 `UB1111: no node matches the tag "sdd"` try `did you mean "ssd"\?`
    }
  }
}
