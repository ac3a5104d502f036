cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
    tags    = ["az:1"]
  }
  node "n2" {
    address = "10.0.0.2"
    tags    = ["Az:2"]
  }
  node "n3" {
    address = "10.0.0.3"
    tags    = ["az:3"]
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  jetstream { unique_tag = "AZ:" }
  bucket "b" { replicas = 3 }
  bucket "d" {
    replicas = 1
    placement {
      tags = ["az:1"]
    }
  }
}
