cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  # what a template leaves behind
  bucket "b" {
    replicas  = "" # want@17 `UB1011: replicas has to be a whole number` try `replicas = 3`
    ttl       = "" # want@17 `UB1011: ttl has to be a duration` try `ttl = "30s", "5m", "36h" or "7d"`
    max_bytes = "" # want@17 `UB1011: max_bytes has to be a size` try `max_bytes = "512MiB", "40GiB" or a number of bytes`
  }
}
