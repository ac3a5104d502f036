cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { service = "s.*" }
  }
  account "B" {
    export { service = "s.x" }
  }
  account "BUS" {
    import {
      service {
        account = "A"
        subject = "s.*"
      }
    }
    import {
      service {
        account = "B"
        subject = "s.x" # want@19 `warning UB1217: a request to "s.x" may go to two services`
      }
    }
  }
}
