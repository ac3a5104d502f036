cluster "c" {
  insecure = true
  age_recipients = ["age1nothing"] # want@21 `UB1223: "age1nothing" is no public age or SSH key`
  node "n1" {
    address = "10.0.0.1"
    age_recipient = "age144pyeuuxn907zctl42m9v58udatzk8w3pkr5g7cyn0dwj8ms9fzsp2r8hn"
  }
  node "n2" {
    address = "10.0.0.2"
    age_recipient = "ssh-ed25519 AAAA" # want@21 `UB1223: .*`
  }
  node "n3" {
    address = "10.0.0.3"
    age_recipient = "AGE-SECRET-KEY-1S3J0ZCDLMC2TUJ7WGVJKHEA6VS6P82KAXSUS3TW0VD5EG50U0DCQEAH50W" # want@21 `UB1223: this is a private age key, which is a secret`
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
