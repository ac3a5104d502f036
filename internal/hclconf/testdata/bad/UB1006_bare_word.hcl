cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    storage = memory # want@15 `UB1006: there is no "memory"` try `"memory", with quotation marks, if it is text; names are local\.NAME, secret\.NAME, node\.name, node\.address and cluster\.name`
  }
}
