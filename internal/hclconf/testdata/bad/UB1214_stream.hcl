cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export {
      stream             = "a.>"
      response_type      = "single" # want "UB1214: a stream has no response_type; only services have"
      response_threshold = "1s"     # want "UB1214: a stream has no response_threshold; only services have"
      allow_trace        = true     # want "UB1214: a stream has no allow_trace; only services have"
      latency { subject = "l" }     # want@7 "UB1214: a stream has no latency; only services have"
    }
    export { service = "s" }
  }
  account "BUS" {
    import {
      share = true # want "UB1214: a stream has no share; only services have"
      stream {
        account = "A"
        subject = "a.>"
      }
    }
    import {
      allow_trace = true # want "UB1214: allow_trace of a service stands in its export"
      prefix      = "p"  # want "UB1214: a service has no prefix" try `to = "p.s"`
      service {
        account = "A"
        subject = "s"
      }
    }
  }
}
