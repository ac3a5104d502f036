cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "b0" { ttl = "30" } # want `UB1011: ttl has to be a duration` try `ttl = "30s"`
  bucket "b1" { ttl = "1w" } # want `UB1011: ttl has to be a duration` try `ttl = "7d"`
  bucket "b2" { ttl = "5 min" } # want `UB1011: ttl has to be a duration` try `ttl = "5m"`
  bucket "b3" { ttl = "2 Hours" } # want `UB1011: ttl has to be a duration` try `ttl = "2h"`
  bucket "b4" { ttl = "250 millis" } # want `UB1011: ttl has to be a duration` try `ttl = "250ms"`
  bucket "b5" { ttl = "1 month" } # want `UB1011: ttl has to be a duration` try `ttl = "30s", "5m", "36h" or "7d"`
  bucket "b6" { ttl = " 3 days " } # want `UB1011: ttl has to be a duration` try `ttl = "3d"`
  bucket "b7" { ttl = "-1" } # want `UB1011: ttl has to be a duration` try `ttl = "30s", "5m", "36h" or "7d"`
}
