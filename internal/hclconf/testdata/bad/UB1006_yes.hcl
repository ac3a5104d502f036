cluster "c" {
  insecure = yes # want@14 `UB1006: there is no "yes"` try `true`
  node "n1" { address = "127.0.0.1" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  monitor { enabled = off } # want@23 `UB1006: there is no "off"` try `false`
}
