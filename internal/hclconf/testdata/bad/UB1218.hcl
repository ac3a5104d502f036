cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "$SYS" {
    export { service = "$SYS.REQ.SERVER.PING" } # want@5 `UB1218: every account could import "\$SYS.REQ.SERVER.PING" of the system account`
  }
}
