cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { service = "a" }
    import {
      service {
        account = "B"
        subject = "a"
      }
    }
  }
  account "B" {
    export { service = "a" }
    import {
      service {
        account = "C"
        subject = "a"
      }
    }
  }
  account "C" {
    export { service = "a" }
    import {
      service {
        account = "A"
        subject = "a" # want@19 `UB1216: services are imported in a circle: A ← B ← C ← A`
      }
    }
  }
}
