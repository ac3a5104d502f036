cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    source {
      name   = "a"
      domain = "hub" # want@16 `UB1309: "a" is in a domain and behind another API`
      external {
        api_prefix = "A.API"
      }
    }
  }
}
