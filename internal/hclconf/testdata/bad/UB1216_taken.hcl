cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { service = "*.b" }
    import {
      to = "there.a.b"
      service {
        account = "C"
        subject = "a.b"
      }
    }
  }
  account "C" {
    export { service = "a.b" }
    import {
      service {
        account = "A"
        subject = "*.b" # want@19 `UB1216: nats-server may take this for an import in a circle, because account "A" imports, too`
      }
    }
  }
}
