cluster "c" {
  node "n1" { address = "127.0.0.1" }
  user "a" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

  bucket "rooms" {}

  stream "ORDERS" {
    subjects = ["orders.*", "orders", "orders.*.new"]
  }

  stream "NEW" {
    subjects = ["shop.new.*"]
  }

  stream "KEYS" {
    subjects = ["$KV.places.a"]
  }

  account "APP" {
    user "b" { password = "$2a$11$3kIDaCxw.Glsl1.u5nKa6eUnNDLV5HV9tIuUp7EHhMt6Nm9myW1aS" }

    stream "ORDERS" {
      subjects = ["orders.*"]
    }
  }
}
