cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export {
      service       = "a.*"
      response_type = "chunked"
      latency { subject = "a.b" } # want@7 "UB1214: nats-server measures the latency of single responses only" want@27 `UB1214: latencies cannot be published to "a.b", which is a service itself`
    }
  }
}
