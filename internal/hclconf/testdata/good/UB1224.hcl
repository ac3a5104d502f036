cluster "c" {
  age_recipients = ["age1pkfz2maa8g0xkdt2yr6kwl0jacw5u6ygkhxdw5vma7psm6mptyvsskx9qk"]
  node "n1" {
    address       = "10.0.0.1"
    age_recipient = "age144pyeuuxn907zctl42m9v58udatzk8w3pkr5g7cyn0dwj8ms9fzsp2r8hn"
  }
  user "u" { password = secret.a }
  secrets { a = age("YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSByeldycHgvYU1zSTk0c1cvVCtDZzg3WS82eWJCM08xbytydTRubHhNeDBzCjZUMmtsVTg1QW9vNitPeTBHWW5ualVncTdhWmRnRWxkTjlKMmpYMDZXRG8KLT4gWDI1NTE5IHR3b1ZJa0hDSjhqUm9OZU5lL0MwcGJSaDQ5UmJkamgvazRUUzRxSDNQazQKUUwvbytRemhMTWdGZkR6cFJINkZ1SlBSQzhhZzQwVXQrQWZMYlM1UnB3OAotLS0gKzdHVjkxZFB4T0pRanBBRkk5L0JJMTFkUy8xNWw1TjE3S2psYTFpV2RPYwrm7WnaL0OiLzE/xemwteq2ROzjvJvF5W+7AhOhAg7s9rmf7Eufkea9n2C1ZdsD327oKA==") }
}
