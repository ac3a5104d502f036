cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export {
      stream   = "a.>"
      accounts = ["BUS"]
    }
    export {
      stream                 = "of.*.>"
      account_token_position = 2
    }
    export {
      service            = "s.*.*"
      response_type      = "single"
      response_threshold = "5s"
      latency { subject = "latency.s" }
    }
  }
  account "BUS" {
    import {
      to = "b.$2.$1"
      service {
        account = "A"
        subject = "s.*.*"
      }
    }
    import {
      prefix = "there"
      stream {
        account = "A"
        subject = "a.>"
      }
    }
    import {
      stream {
        account = "A"
        subject = "of.BUS.>"
      }
    }
  }
}
