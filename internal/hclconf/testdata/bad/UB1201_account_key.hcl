cluster "c" {
  insecure = true
  node "n1" { address = "10.0.0.1" }
  node "n2" { address = "10.0.0.2" }
  node "n3" { address = "10.0.0.3" }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  user "v" { nkey = "AALG62VHWES4FEZHMISHZHNRP4BOIG2B63BNWWRQAQUW4DIPOTIZPTCK" } # want@21 `UB1201: the nkey of user "v" is the key of an account, not of a user`
}
