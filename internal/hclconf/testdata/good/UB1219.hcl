cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "BUS" {
    owned = true
    export { service = "$JS.API.CONSUMER.MSG.NEXT.>" }
    bucket "rooms" {}
    user "v" {
      nkey = "UBNWNO5AYB6WOCCRIXEY5YDMK4QP6FA46336ACXAWXDQEU53N3JMHBEZ"
      permissions {
        publish {
          allow = ["$JS.API.STREAM.UPDATE.KV_theirs", "$JS.API.>"]
          deny  = ["$JS.API.STREAM.PURGE.KV_rooms"]
        }
      }
    }
  }
}
