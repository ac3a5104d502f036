cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" {
    address = "10.0.0.4"
    tags    = "az:1" # want@15 `UB1011: tags has to be a list of strings` try `tags = \["az:1"\]`
  }
  node "n5" { address = "10.0.0.5" }
}
