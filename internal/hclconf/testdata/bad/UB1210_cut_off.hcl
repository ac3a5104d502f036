cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  user "v" { nkey = "SUAEBWJBNNTDT6TFWFOQHMVKX4DMEEVBPEODRBZQT7J34AMZPLHW4O2IOA" } # want@21 `UB1210: the nkey of user "v" is a seed, which is the client's secret`
}
