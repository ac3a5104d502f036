cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    description = "a\path" # want@21 `UB1001: a backslash begins one of \\n \\r \\t \\" \\\\ \\uXXXX; write \\\\ for a backslash`
  }
}
