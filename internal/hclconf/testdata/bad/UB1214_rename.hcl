cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export { stream = "a.>" }
    export { service = "s.*.*" }
  }
  account "BUS" {
    import {
      to = "b" # want@12 `UB1214: "b" cannot stand for "a.>": one of them ends in >, and the other does not`
      stream {
        account = "A"
        subject = "a.>"
      }
    }
    import {
      to = "b.*" # want@12 `UB1214: "b.\*" cannot stand for "s.\*.\*": they have not the same number of wildcards`
      service {
        account = "A"
        subject = "s.*.*"
      }
    }
    import {
      to = "c.$1.$3" # want@12 `UB1214: "c.\$1.\$3" cannot stand for "s.\*.\*": \$3 refers to a wildcard that is not there`
      service {
        account = "A"
        subject = "s.*.*"
      }
    }
    import {
      to     = "x.>"
      prefix = "x" # want@16 "UB1214: to and prefix exclude each other"
      stream {
        account = "A"
        subject = "a.b.>"
      }
    }
  }
}
