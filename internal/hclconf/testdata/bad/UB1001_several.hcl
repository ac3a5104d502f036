cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  bucket "a" {
    replicas = = 3 # want@16 `UB1001: a value is missing or cannot begin like this`
  }
  bucket "b" {
    history 3 # want@5 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`"
  }
  bucket "d" {
    ttl = "1s" "2s" # want@16 `UB1001: a line break is missing after the argument`
  }
}
