cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "ORDERS" {
    export {
      stream   = "a.>"
      accounts = ["BILLIGN"] # want@19 `UB1214: there is no account "BILLIGN"` try `did you mean "BILLING"\?`
    }
  }
  account "BILLING" {
    import {
      stream {
        account = "orders" # want@19 `UB1214: there is no account "orders"` try `did you mean "ORDERS"\?`
        subject = "a.>"
      }
    }
    import {
      stream {
        account = "NOWHERE" # want@19 `UB1214: there is no account "NOWHERE"` try `account "NOWHERE" .*`
        subject = "a.>"
      }
    }
  }
}
