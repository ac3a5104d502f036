cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { stream = "a.>" }
    import {
      stream {
        account = "B"
        subject = "b.>"
      }
    }
  }
  account "B" {
    export { stream = "b.>" }
    import {
      stream {
        account = "A"
        subject = "a.>"
      }
    }
  }
}
