cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    owned = true # want@13 `warning UB1311: account "A" declares nothing that could be owned`
  }
  account "B" {
    export {
      stream   = "a.>"
      accounts = ["B", "BUS"] # want@19 `warning UB1311: account "B" need not import what is its own`
    }
  }
}
