cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  stream "ORDERS" {
    subjects     = ["orders.*"]
    max_msg_size = "64KiB"
  }
  stream "COPY" {
    max_msg_size = "32KiB" # want@20 `UB1317: stream "COPY" takes messages of 32KiB, but copies stream "ORDERS" with up to 64KiB` try `max_msg_size = "64KiB" or more, or none`
    mirror { name = "ORDERS" }
  }
  stream "ALL" {
    max_msg_size = 1 # want@20 `UB1317: stream "ALL" takes messages of 1, but copies stream "ORDERS" with up to 64KiB`
    source { name = "ORDERS" }
  }
}
