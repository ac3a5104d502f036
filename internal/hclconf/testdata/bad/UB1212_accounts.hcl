cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  account "A" {
    export {
      stream   = "a.>"
      accounts = [] # want@18 `warning UB1212: an empty list lets every account import "a.>"`
    }
  }
}
