cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  dynamic "bucket" { # want@3 `UB1009: cluster has no block "dynamic"` try `cluster has restarts, bootstrap, age_recipients, secrets, account, routes, node, user, bucket, stream, object_store, insecure, client_port, cluster_port, gateway_port, tls, jetstream and monitor`
    for_each = ["a"]
  }
}
