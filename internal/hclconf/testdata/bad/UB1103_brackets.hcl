cluster "c" {
  insecure = true
  node "n1" { address = "[fd00::1]" } # want@25 `UB1103: "\[fd00::1\]" is neither an IP address nor a DNS name` try `address = "fd00::1"`
  node "n2" { address = " 10.0.0.2" } # want@25 `UB1103: " 10\.0\.0\.2" is neither an IP address nor a DNS name` try `address = "10\.0\.0\.2"`
  node "n3" { address = "nats://[fd00::3]:4222" } # want@25 `UB1103: "nats://\[fd00::3\]:4222" is a URL, not an address` try `address = "fd00::3"; the ports are client_port and cluster_port`
  node "n4" { address = "tls://u:hunter2secret@n4.example.net:4222" } # want@25 `UB1103: "tls://…@n4.example.net:4222" is a URL, not an address` try `address = "n4.example.net"; the ports are client_port and cluster_port`
  node "n5" { address = "10.0.0.256" } # want@25 `UB1103: "10\.0\.0\.256" is neither an IP address nor a DNS name` try `such as "203.0.113.10" or "n1.example.net"`
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
