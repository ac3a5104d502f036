cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { stream = "orders.>" }
    export { service = "quote" }
  }
  account "BUS" {
    import {
      stream {
        account = "A"
        subject = "ordrs.>" # want@19 `UB1215: account "A" does not export stream "ordrs.>"` try `did you mean "orders.>"\?`
      }
    }
    import {
      stream {
        account = "A"
        subject = "quote" # want@19 `UB1215: account "A" does not export stream "quote"` try `service .*`
      }
    }
    import {
      stream {
        account = "A"
        subject = ">" # want@19 `UB1215: account "A" does not export stream ">"` try `subject = "orders.>"`
      }
    }
    import {
      service {
        account = "A"
        subject = "completely.different" # want@19 `UB1215: account "A" does not export service "completely.different"` try `in account "A": export .*`
      }
    }
  }
}
