cluster "c" {
  insecure    = true
  max_payload = "8MiB" # want@3 `UB1009: cluster has no argument "max_payload"` try `leave it out: it is 1MiB`
  node "n1" {
    address = "127.0.0.1"
    arbiter = "no" # want@15 `UB1011: arbiter has to be true or false` try `arbiter = false`
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  stream "S" {
    num_replicas = 1    # want@5 `UB1009: stream has no argument "num_replicas"` try `here it is called replicas`
    dupe_window  = "2m" # want@5 `UB1009: stream has no argument "dupe_window"` try `here it is called duplicate_window`
    consumer "worker" {
      durable = "worker" # want@7 `UB1009: consumer has no argument "durable"` try `leave it out: the name stands behind consumer`
    }
  }
}
