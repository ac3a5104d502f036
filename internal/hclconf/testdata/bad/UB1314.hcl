cluster "c" {
  node "n1" { address = "127.0.0.1" }
  user "a" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }

  stream "API" {
    subjects = ["$JS.API.>"] # want@17 `UB1314: "\$JS\.API\.>" takes in what is NATS's own`
  }

  stream "WINDOW" {
    subjects         = ["w"]
    max_age          = "1m"
    duplicate_window = "2m" # want@24 `UB1314: duplicates are looked for longer than messages are kept` try `at most max_age`
  }

  stream "FULL" {
    subjects                = ["f"]
    discard_new_per_subject = true # want@31 `UB1314: discard_new_per_subject needs discard = "new"` want@31 `UB1314: discard_new_per_subject needs max_msgs_per_subject`
  }

  stream "COPY" {
    subjects = ["c"] # want@16 `UB1314: a mirror has no subjects of its own`

    mirror {
      name = "FULL"
    }
  }
}
