cluster "c" {
  node "n1" {
    address = "10.0.0.1"
    monitor { listen = "0.0.0.0" }
  }
  node "n2" {
    address = "10.0.0.2"
    monitor { listen = "127.0.0.2" }
  }
  node "n3" {
    address = "10.0.0.3"
    monitor {
      enabled = false
      listen  = "::"
    }
  }
  secrets {
    monitor = file("/etc/unibus/secrets/monitor")
  }
  user "u" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
  tls {
    ca_file   = "/etc/unibus/ca.pem"
    cert_file = "/etc/unibus/${node.name}.pem"
    key_file  = "/etc/unibus/${node.name}-key.pem"
  }
  monitor { token = secret.monitor }
}
