cluster "c" {
  node "n1" { address = "127.0.0.1" }
  user "a" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

  stream "WORK" {
    subjects  = ["work.>"]
    retention = "workqueue"

    consumer "one" {
      filter_subject = "work.a.*"
      ack_policy     = "all" # want@24 `UB1316: a work queue has every message acknowledged`
    }

    consumer "two" {
      filter_subjects = ["work.b", "work.*.c"] # want@36 `UB1316: two consumers of a work queue want "work\.\*\.c"`
      start_seq       = 5 # want@25 `UB1316: start_seq needs another deliver_policy than "all"`
      backoff         = ["1s", "soon"] # want@32 `UB1011: "soon" is not a duration` want@25 `UB1316: 2 times between deliveries of a message, which is delivered only 1 time`
      max_deliver     = 1
      flow_control    = true # want@25 `UB1316: flow_control needs deliver_subject`
    }
  }
}
