cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    republish {
      source      = "$KV.b.*"
      destination = "changes.{{wildcard(2)}}" # want@21 `UB1308: NATS cannot republish to "changes\.\{\{wildcard\(2\)\}\}": \{\{wildcard\(2\)\}\} refers to a wildcard that is not there`
    }
  }
}
