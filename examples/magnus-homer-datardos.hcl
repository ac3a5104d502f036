# Three nodes on public addresses, one NATS cluster, one shared file.
cluster "unibus" {

  node "magnus" {
    address = "203.0.113.10"
    tags    = ["az:1"]
  }

  node "homer" {
    address = "198.51.100.20"
    tags    = ["az:2"]
  }

  node "datardos" {
    address  = "192.0.2.30"
    hostname = "ip-192-0-2-30" # what `hostname` prints, where that is not the name
    tags     = ["az:3"]

    jetstream {
      max_file_store = "10GiB" # a smaller disk than the others
    }
  }

  client_port  = 4222
  cluster_port = 6250

  # Routes and gateways always verify both ends against ca_file. Clients are asked for a
  # certificate only with client_verify = true.
  tls {
    ca_file   = "/etc/unibus/tls/ca.pem"
    cert_file = "/etc/unibus/tls/${node.name}.pem"
    key_file  = "/etc/unibus/tls/${node.name}-key.pem"
  }

  # Like locals, but never printed, and not needed by `unibus validate`.
  secrets {
    route = file("/etc/unibus/secrets/route")
  }

  # How nodes prove themselves to each other: a trust boundary of its own, never shared with clients.
  routes {
    user     = "route"
    password = secret.route
  }

  jetstream {
    store_dir      = "/var/lib/unibus"
    max_file_store = "40GiB"
    unique_tag     = "az:"
  }

  account "BUS" {
    # The allowlist of the bus: a client gets in by signing the server's nonce with its nkey.
    user "alice" {
      nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
    }

    bucket "UNIBUS_rooms" {
      replicas = 3
      history  = 10
    }

    bucket "UNIBUS_presence" {
      replicas = 3
      ttl      = "30s"
      storage  = "memory"
    }
  }
}
