cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
cluster "d" { # want@1 `UB1008: a second cluster block; one file describes one bus` try `a file for each; or supercluster "NAME" \{ … \} around clusters that belong together`
}
