cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" { placement { cluster = "c" } } # want@16 "UB1001: a block on one line holds one `name = value` and nothing else" try "lines of their own: \\{ ends the first one, and \\} has the last one for itself"
}
