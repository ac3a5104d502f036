cluster "c" {
  node "n1" { address = "127.0.0.1" }
  user "a" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

  stream "EVENTS" {
    subjects = ["$JS.EVENT.ADVISORY.>"]
  }

  stream "WINDOW" {
    subjects         = ["w"]
    max_age          = "2m"
    duplicate_window = "2m"
  }

  stream "FULL" {
    subjects                = ["f"]
    discard                 = "new"
    discard_new_per_subject = true
    max_msgs_per_subject    = 1
  }

  stream "COPY" {
    mirror {
      name = "FULL"
    }
  }
}
