cluster "c" {
  node "n1" { address = "127.0.0.1" }
  user "a" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

  stream "WORK" {
    subjects  = ["work.>"]
    retention = "workqueue"

    consumer "one" {
      filter_subject = "work.a.*"
    }

    consumer "two" {
      filter_subjects = ["work.b", "work.b.c"]
      backoff         = ["1s", "1m"]
      max_deliver     = 2
    }
  }

  stream "LOG" {
    subjects = ["log"]

    consumer "late" {
      deliver_policy = "by_start_sequence"
      start_seq      = 5
    }

    consumer "pushed" {
      deliver_subject = "deliver.log"
      flow_control    = true
      idle_heartbeat  = "5s"
    }
  }
}
