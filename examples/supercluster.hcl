# Two sites with three nodes each, linked by gateways, and a third site that only votes. One shared file for all seven.
supercluster "orders" {
  insecure = true # the sites are linked by a network that encrypts; otherwise: tls, as in magnus-homer-datardos.hcl

  jetstream {
    store_dir  = "/var/lib/unibus"
    unique_tag = "az:" # no two replicas of one asset in one zone
  }

  cluster "east" {
    node "east-az1" {
      address = "10.1.0.1"
      tags    = ["az:1"]
    }

    node "east-az2" {
      address = "10.1.0.2"
      tags    = ["az:2"]
    }

    node "east-az3" {
      address = "10.1.0.3"
      tags    = ["az:3"]
    }
  }

  cluster "west" {
    node "west-az1" {
      address = "10.2.0.1"
      tags    = ["az:1"]
    }

    node "west-az2" {
      address = "10.2.0.2"
      tags    = ["az:2"]
    }

    node "west-az3" {
      address = "10.2.0.3"
      tags    = ["az:3"]
    }
  }

  # A seventh vote from a third site. It votes in the JetStream meta group and holds no data.
  cluster "arbiter" {
    node "arbiter" {
      address = "10.3.0.1"
      arbiter = true
    }
  }

  secrets {
    gateway = file("/etc/unibus/secrets/gateway")
    sys     = env("UNIBUS_SYS_PASSWORD")
    user    = env("UNIBUS_USER_PASSWORD")
  }

  gateways {
    user     = "gateway"
    password = secret.gateway
  }

  account "$SYS" {
    user "sys" { password = secret.sys }
  }

  account "APP" {
    jetstream { max_file_store = "20GiB" }

    user "user" {
      password = secret.user
    }

    stream "ORDERS" {
      subjects         = ["orders.*"]
      replicas         = 3
      retention        = "limits"
      storage          = "file"
      discard          = "old"
      duplicate_window = "2m"
      allow_rollup     = true

      placement { cluster = "west" }

      consumer "billing" {
        filter_subjects = ["orders.paid"]
      }
    }

    bucket "CUSTOMERS" {
      replicas = 3
      history  = 10

      placement { cluster = "west" }
    }
  }
}
