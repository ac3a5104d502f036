cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "$SYS" {
    export {
      service  = "$SYS.REQ.SERVER.PING"
      accounts = ["BUS"]
    }
  }
  account "BUS" {
    import {
      service {
        account = "$SYS"
        subject = "$SYS.REQ.SERVER.PING"
      }
    }
  }
}
