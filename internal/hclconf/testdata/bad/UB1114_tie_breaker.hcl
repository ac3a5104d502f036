cluster "c" { # want@1 `warning UB1110: with 2 voters \(n1, n2\) JetStream stops when either of them is lost`
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  node "n4" {
    address = "10.0.0.4"
    jetstream { enabled = false } # want@27 `warning UB1114: node "n4" has no JetStream, so it is no tie-breaker: it does not vote`
  }
  bucket "b" {}
}
