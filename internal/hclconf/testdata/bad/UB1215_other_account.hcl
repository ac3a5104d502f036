cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export {
      stream   = "orders.>"
      accounts = ["C"]
    }
    export {
      stream                 = "of.*.>"
      account_token_position = 2
    }
  }
  account "C" {}
  account "BUS" {
    import {
      stream {
        account = "A"
        subject = "orders.eu.>" # want@19 `UB1215: account "A" does not export stream "orders.>" to account "BUS"` try `add "BUS" to accounts of the export`
      }
    }
    import {
      stream {
        account = "A"
        subject = "of.C.>" # want@19 `UB1215: account "BUS" may import "of.\*.>" only with its own name as word 2`
      }
    }
  }
}
