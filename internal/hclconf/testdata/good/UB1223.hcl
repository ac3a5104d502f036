cluster "c" {
  insecure = true
  age_recipients = ["age1pkfz2maa8g0xkdt2yr6kwl0jacw5u6ygkhxdw5vma7psm6mptyvsskx9qk"]
  node "n1" {
    address = "10.0.0.1"
    age_recipient = "age144pyeuuxn907zctl42m9v58udatzk8w3pkr5g7cyn0dwj8ms9fzsp2r8hn"
  }
  node "n2" {
    address = "10.0.0.2"
    age_recipient = "age1fdfcnvj633xqy3jhekh2ltapn2n6dvp026smtsu8990ckzxl4ugq7c054e"
  }
  node "n3" {
    address = "10.0.0.3"
    age_recipient = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDOzA/IdEsowuu6XSJgs17hINq2JMdh7MuFtgOlamjNJ"
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
