# Everything that the language has, so that tests meet every attribute.
locals {
  zone  = "az:"
  extra = ["rack:a", "gen:2"]
  port  = 4300
  names = "${local.base}/x"
  base  = "/etc/unibus"
}

cluster "full" {
  restarts    = "manual"
  client_port = local.port
  insecure    = false

  age_recipients = ["age1pkfz2maa8g0xkdt2yr6kwl0jacw5u6ygkhxdw5vma7psm6mptyvsskx9qk"]

  bootstrap {
    timeout         = "3m"
    attempt_timeout = "2s"
  }

  secrets {
    route  = file("/etc/unibus/secrets/route")
    before = env("UNIBUS_ROUTE_BEFORE")
    store  = secret.route_of_store
    route_of_store = file("/etc/unibus/secrets/store")
    monitor = env("UNIBUS_MONITOR")
  }

  routes {
    user              = "route"
    password          = secret.route
    previous_password = secret.before
    pool_size         = 3
    compression       = "s2_fast"
  }

  tls {
    ca_file       = "${local.base}/ca.pem"
    cert_file     = "${local.base}/${node.name}.pem"
    key_file      = "${local.base}/${node.name}-key.pem"
    client_verify = true
    min_version   = "1.2"
  }

  jetstream {
    store_dir        = "/data/${cluster.name}"
    max_file_store   = "40GiB"
    max_memory_store = 1073741824
    unique_tag       = local.zone
    domain           = "hub"
    sync             = "10s"

    encryption {
      cipher = "aes"
      key    = secret.store
    }
  }

  monitor {
    listen = "127.0.0.1"
    port   = 8300
    token  = secret.monitor
  }

  node "n1" {
    age_recipient = "age144pyeuuxn907zctl42m9v58udatzk8w3pkr5g7cyn0dwj8ms9fzsp2r8hn"
    address      = "10.0.0.1"
    listen       = "0.0.0.0"
    hostname     = "one.example.net"
    tags         = ["az:1", "gen:1"]
    arbiter      = false
    cluster_port = 6300
    gateway_port = 7300

    monitor { enabled = false }
  }

  node "n2" {
    address  = "10.0.0.2"
    tags     = ["az:2"]
    insecure = true

    tls { min_version = "1.3" }
    jetstream {
      max_file_store = "0.5TiB"
      encryption {
        key = file("/etc/unibus/${node.name}.key")
      }
    }
  }

  node "n3" {
    address = "10.0.0.3"
    tags    = ["az:3"]
    jetstream {
      enabled = true
      sync    = "always"
    }
  }

  user "alice" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

  bucket "loose" {}
  stream "LOOSE" {}
  object_store "loose" {}

  account "APP" {
    import {
      prefix      = "shop"
      allow_trace = true
      stream {
        account = "SHOP"
        subject = "orders.paid"
      }
    }

    import {
      to    = "price.*"
      share = true
      service {
        account = "SHOP"
        subject = "quote.*"
      }
    }

    jetstream {
      max_file_store          = "20GiB"
      max_memory_store        = "3GiB"
      max_streams             = 10
      max_consumers           = 100
      max_ack_pending         = 1000
      memory_max_stream_bytes = "1GiB"
      disk_max_stream_bytes   = "10GiB"
      max_bytes_required      = true
    }

    user "bob" {
      password         = "$2a$11$6nP0vLvYZ0Fu/Dn1rYvcxOtRzqhRZDmDvp4cFvpOoDkjG8SsYTaMG"
      connection_types = ["STANDARD"]
      permissions {
        publish {
          allow = ["app.>", "$JS.API.>"]
          deny  = ["app.secret.*"]
        }
        subscribe {
          allow = ["_INBOX.>", "app.> workers"]
          deny  = ["app.private"]
        }
      }
    }

    bucket "rooms" {
      description      = <<-EOT
        Rooms,
        ${local.base}
      EOT
      replicas         = 3
      history          = 5
      ttl              = "7d"
      max_bytes        = "1GiB"
      max_value_size   = "512KiB"
      storage          = "file"
      compression      = true
      limit_marker_ttl = "10m"
      metadata         = { team = "chat", "cost center" = "42" }
      allow_direct     = true
      allow_data_loss  = true
      placement {
        cluster = "full"
        tags    = ["!gen:0"]
      }
      republish {
        source       = "$KV.rooms.>"
        destination  = "changes.>"
        headers_only = true
      }
      source {
        name           = "elsewhere"
        start_time     = "2026-01-31T00:00:00Z"
        filter_subject = "$KV.elsewhere.a.>"
        domain         = "spoke"
      }
      source {
        name      = "third"
        start_seq = 17
        external {
          api_prefix     = "THIRD.API"
          deliver_prefix = "third.deliver"
        }
      }
    }

    bucket "copy" {
      max_bytes = 1073741824
      storage   = "memory"
      mirror {
        name = "rooms"
      }
    }
  }

  account "SHOP" {
    owned = true

    export {
      stream   = "orders.>"
      accounts = ["APP"]
    }

    export {
      stream                 = "of.*.>"
      account_token_position = 2
    }

    export {
      service            = "quote.*"
      response_type      = "single"
      response_threshold = "5s"
      allow_trace        = true
      latency {
        subject  = "latency.quote"
        sampling = 10
      }
    }

    object_store "images" {
      description     = "Images"
      replicas        = 1
      ttl             = "30d"
      max_bytes       = "1GiB"
      storage         = "file"
      compression     = true
      metadata        = { team = "shop" }
      allow_direct    = false
      allow_data_loss = true
      placement { tags = ["az:1"] }
    }

    stream "ORDERS" {
      description               = "Orders"
      subjects                  = ["orders.>", "refunds.*"]
      replicas                  = 3
      retention                 = "limits"
      discard                   = "new"
      discard_new_per_subject   = true
      max_age                   = "30d"
      max_msgs                  = 1000000
      max_msgs_per_subject      = 100
      max_bytes                 = "1GiB"
      max_msg_size              = "1MiB"
      max_consumers             = 50
      storage                   = "file"
      compression               = "s2"
      persist_mode              = "default"
      duplicate_window          = "5m"
      no_ack                    = false
      first_seq                 = 1000
      sealed                    = false
      deny_delete               = true
      deny_purge                = false
      allow_rollup              = true
      allow_direct              = true
      allow_msg_ttl             = true
      subject_delete_marker_ttl = "1h"
      allow_msg_counter         = false
      allow_msg_schedules       = false
      allow_atomic_publish      = true
      allow_batch_publish       = true
      metadata                  = { team = "shop" }
      allow_data_loss           = true
      placement { cluster = "full" }
      subject_transform {
        source      = "orders.*"
        destination = "orders.new.$1"
      }
      republish { destination = "changes.orders.>" }
      consumer_limits {
        inactive_threshold = "1h"
        max_ack_pending    = 2000
      }
      source {
        name = "ELSEWHERE"
        subject_transform {
          source      = "a.*"
          destination = "orders.$1"
        }
        subject_transform { source = "b.>" }
        consumer {
          name            = "to-orders"
          deliver_subject = "deliver.orders"
        }
      }

      consumer "billing" {
        description           = "Bills"
        deliver_policy        = "by_start_sequence"
        start_seq             = 1000
        ack_policy            = "explicit"
        max_deliver           = 5
        backoff               = ["1s", "10s", "1m"]
        max_ack_pending       = 1000
        filter_subjects       = ["orders.paid", "orders.refunded"]
        replay_policy         = "instant"
        headers_only          = true
        sample_frequency      = "100"
        replicas              = 1
        memory_storage        = true
        inactive_threshold    = "30m"
        pause_until           = "2026-01-31T00:00:00Z"
        max_waiting           = 100
        max_request_batch     = 10
        max_request_expires   = "30s"
        max_request_max_bytes = "1MiB"
        priority_policy       = "pinned_client"
        priority_groups       = ["workers"]
        pinned_ttl            = "1m"
        metadata              = { team = "billing" }
        allow_data_loss       = true
      }

      consumer "push" {
        deliver_policy  = "by_start_time"
        start_time      = "2026-01-31T00:00:00Z"
        ack_wait        = "1m"
        filter_subject  = "orders.paid"
        deliver_subject = "deliver.push"
        deliver_group   = "push"
        rate_limit      = 8000000
        flow_control    = true
        idle_heartbeat  = "5s"
      }
    }

    stream "MIRROR" {
      mirror_direct = true
      mirror {
        name = "ORDERS"
        external { api_prefix = "SHOP.API" }
      }
    }
  }

  account "$SYS" {
    user "sys" { password = "$2a$11$6nP0vLvYZ0Fu/Dn1rYvcxOtRzqhRZDmDvp4cFvpOoDkjG8SsYTaMG" }
  }
}
