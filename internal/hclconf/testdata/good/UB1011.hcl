cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  jetstream { sync = "1m30s" }
  bucket "b" {
    history     = "3"
    ttl         = "1h30m"
    max_bytes   = "0.5GiB"
    compression = true
    metadata    = { a = 1 }
  }
}
