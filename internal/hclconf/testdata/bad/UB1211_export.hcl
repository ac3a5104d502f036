cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { stream = "a..b" } # want@23 `UB1211: "a..b" is not a subject to export`
    export { stream = "s.>" }
    export {
      service = "s"
      latency { subject = "l.*" } # want@27 `UB1211: "l.\*" is not a subject to publish to`
    }
  }
  account "BUS" {
    import {
      stream {
        account = "A"
        subject = "a b" # want@19 `UB1211: "a b" is not a subject to import`
      }
    }
    import {
      prefix = "x.*" # want@16 `UB1211: "x.\*" cannot go before a subject`
      stream {
        account = "A"
        subject = "s.>"
      }
    }
  }
}
