cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { stream = "a.>" }
    export { stream = "a.>" } # want@23 `UB1101: account "A" exports stream "a.>" twice`
  }
  account "BUS" {
    import {
      stream {
        account = "A"
        subject = "a.>"
      }
    }
    import {
      prefix = "x"
      stream {
        account = "A"
        subject = "a.>" # want@19 `UB1101: account "BUS" imports stream "a.>" of account "A" twice`
      }
    }
  }
}
