cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  stream "A" {
    subjects = ["a.*"]
    source {
      name           = "B"
      filter_subject = "b.*"
    }
  }
  stream "B" {
    subjects = ["b.*"]
    source {
      name           = "A" # want@24 `UB1310: streams copy each other in a circle: A ← B ← A`
      filter_subject = "*.1"
    }
  }
}
