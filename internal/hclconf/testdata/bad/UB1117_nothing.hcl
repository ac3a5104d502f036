cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  monitor { listen = "0.0.0.0" } # want@22 `UB1117: node "n1" shows its status on 0\.0\.0\.0 to everybody: it has no tls and no token` try `listen = "127.0.0.1", or a tls block and token = secret.monitor`
}
