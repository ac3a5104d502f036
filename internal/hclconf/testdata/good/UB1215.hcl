cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { stream = "orders.>" }
    export {
      stream   = "orders.eu.>"
      accounts = ["BUS", "C"]
    }
  }
  account "C" {}
  account "BUS" {
    import {
      stream {
        account = "A"
        subject = "orders.eu.new"
      }
    }
  }
}
