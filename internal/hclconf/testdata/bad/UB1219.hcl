cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "BUS" {
    owned = true
    export { service = "$JS.API.>" } # want@24 `warning UB1219: other accounts could change through this what account "BUS" owns`
    bucket "rooms" {}
    stream "ORDERS" {
      consumer "billing" {}
    }
    user "v" {
      nkey = "UBNWNO5AYB6WOCCRIXEY5YDMK4QP6FA46336ACXAWXDQEU53N3JMHBEZ"
      permissions {
        publish {
          allow = [
            "$JS.API.STREAM.UPDATE.KV_rooms", # want@13 `warning UB1219: user "v" may not do this, because account "BUS" is owned` try `.*owned = false`
            "$JS.API.STREAM.LEADER.STEPDOWN.ORDERS", # want "warning UB1219: .*"
            "$JS.API.CONSUMER.DELETE.ORDERS.billing", # want "warning UB1219: .*"
            "$JS.API.STREAM.INFO.KV_rooms",
          ]
        }
      }
    }
  }
}
