# on n3
cluster "c" {
  insecure = true
  node "n1" {
    address = "10.0.0.1"
  }
  node "n2" {
    address = "10.0.0.2"
  }
  node "n3" {
    address = "10.0.0.3"
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  routes {
    user     = "r"
    password = secret.a
  }
  secrets { a = age("YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSByeldycHgvYU1zSTk0c1cvVCtDZzg3WS82eWJCM08xbytydTRubHhNeDBzCjZUMmtsVTg1QW9vNitPeTBHWW5ualVncTdhWmRnRWxkTjlKMmpYMDZXRG8KLT4gWDI1NTE5IHR3b1ZJa0hDSjhqUm9OZU5lL0MwcGJSaDQ5UmJkamgvazRUUzRxSDNQazQKUUwvbytRemhMTWdGZkR6cFJINkZ1SlBSQzhhZzQwVXQrQWZMYlM1UnB3OAotLS0gKzdHVjkxZFB4T0pRanBBRkk5L0JJMTFkUy8xNWw1TjE3S2psYTFpV2RPYwrm7WnaL0OiLzE/xemwteq2ROzjvJvF5W+7AhOhAg7s9rmf7Eufkea9n2C1ZdsD327oKA==") } # want@17 `UB1222: the secret is not encrypted for the key of node "n3" in /etc/unibus/age.key` try `unibus secret rekey.*`
}
