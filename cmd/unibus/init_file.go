package main

import (
	"bytes"
	"fmt"
)

// text is the first file, in canonical form. The users' public keys are given by name.
func (s *starter) text(public map[string]string) []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# The whole of cluster %s. Every host gets the same bytes, and finds its own node by its hostname.", s.cluster)
	p("# After a change: unibus validate; unibus plan says what it takes. Running nodes follow the file by themselves.")
	p("cluster %q {", s.cluster)
	p("  # Who may read and change the secrets below, beside the nodes: operator.key is the first one's.")
	p("  age_recipients = [%q]\n", s.operator)
	for _, n := range s.nodes {
		p("  node %q {", n.name)
		p("    address       = %q", n.address)
		p("    age_recipient = %q", n.recipient)
		p("  }\n")
	}
	p("  # Routes verify both ends. The certificates are made and renewed by unibus pki.")
	p("  tls {")
	p("    ca_file   = \"/etc/unibus/tls/ca.pem\"")
	p("    cert_file = \"/etc/unibus/tls/${node.name}.pem\"")
	p("    key_file  = \"/etc/unibus/tls/${node.name}-key.pem\"")
	p("  }\n")
	p("  # Encrypted for the nodes and the operators; unibus secret changes them, unibus validate needs no key.")
	p("  secrets {")
	p("    route = age(%q)", s.route)
	p("  }\n")
	p("  # How nodes prove themselves to each other, beside their certificates. Clients never need it.")
	p("  routes {")
	p("    user     = \"route\"")
	p("    password = secret.route")
	p("  }\n")
	p("  jetstream {")
	p("    store_dir      = \"/var/lib/unibus\"")
	p("    max_file_store = \"10GiB\" # of each node")
	p("  }")
	if len(s.users) > 0 {
		p("\n  # Clients. Each signs the server's nonce with its own seed, which never stands in a file.")
	}
	for i, u := range s.users {
		if i > 0 {
			p("")
		}
		p("  user %q {", u)
		p("    nkey = %q", public[u])
		p("  }")
	}
	for _, bucket := range s.buckets {
		p("\n  bucket %q {", bucket.name)
		p("    replicas = %d", s.replicas(bucket))
		p("  }")
	}
	p("}")
	return b.Bytes()
}

// replicas are those of a bucket, where they are not given as the language has them by default.
func (s *starter) replicas(b wishedBucket) int {
	switch {
	case b.replicas > 0:
		return b.replicas
	case len(s.nodes) >= 3:
		return 3
	}
	return 1
}
