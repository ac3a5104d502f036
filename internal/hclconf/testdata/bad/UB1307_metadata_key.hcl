cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b" {
    metadata = { "_nats.req.level" = "1" } # want@16 `UB1307: the metadata of bucket "b" have the key "_nats\.req\.level", which is NATS's own`
  }
}
