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
      name           = "A"
      filter_subject = "a.*"
    }
    source {
      name   = "B"
      domain = "hub"
    }
  }
  stream "C" {
    source { name = "A" }
    source { name = "D" }
  }
  stream "D" {
    source { name = "A" }
  }
}
