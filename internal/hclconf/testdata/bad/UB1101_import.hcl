cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { stream = "a.>" }
    export { service = "s" }
  }
  account "BUS" {
    import {
      stream {
        account = "A"
        subject = "a.>"
      }
    }
    import {
      stream {
        account = "A"
        subject = "a.>" # want@19 `UB1101: account "BUS" imports stream "a.>" of account "A" twice`
      }
    }
    import {
      service {
        account = "A"
        subject = "s"
      }
    }
    import {
      service {
        account = "A"
        subject = "s" # want@19 `UB1101: account "BUS" imports service "s" of account "A" twice`
      }
    }
  }
}
