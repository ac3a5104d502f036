cluster "c" {
  node "n1" { address = "127.0.0.1" }
  user "a" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

  bucket "rooms" {}

  stream "ORDERS" {
    subjects = ["orders.>", "orders.new"] # want@29 `UB1315: stream "ORDERS" stores "orders\.new" twice`
  }

  stream "NEW" {
    subjects = ["orders.*.new"] # want@17 `UB1315: stream "ORDERS" and stream "NEW" would both store "orders\.\*\.new"` try `.*source of the other`
  }

  stream "KEYS" {
    subjects = ["$KV.rooms.a"] # want@17 `UB1315: bucket "rooms" and stream "KEYS" would both store "\$KV\.rooms\.a"`
  }

  stream "plain" {}

  stream "OTHER" {
    subjects = ["plain"] # want@17 `UB1315: stream "plain" and stream "OTHER" would both store "plain"`
  }
}
