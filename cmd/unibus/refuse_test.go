//go:build linux

package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// TestRefuseNodes lets hosts that know almost everything at the nodes of a running cluster. Each must be turned away,
// and both sides must say why.
func TestRefuseNodes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	good := l.startAll()
	l.current(l.dial(nodeNames...))
	other := newAuthority(t)
	l.write("both.pem", slices.Concat(l.ca.pem, other.pem))
	l.write("guess", []byte("a-wrong-guess"))

	tests := []struct {
		name, addr string
		prepare    func(node, addr string) (file string)
		refused    string // what the nodes say
		told       string // what the impostor says
	}{
		{
			name: "clear", addr: "192.0.2.61",
			prepare: func(node, addr string) string {
				return l.impostor(node, addr, `tls {
    ca_file   = "`+l.path("ca.pem")+`"
    cert_file = "`+l.path("${node.name}")+`.pem"
    key_file  = "`+l.path("${node.name}")+`-key.pem"
  }`, `insecure = true`)
			},
			refused: "it does not speak TLS",
			told:    "one side expects TLS and the other does not",
		},
		{
			name: "foreign", addr: "192.0.2.62",
			prepare: func(node, addr string) string {
				l.issue(other, node, addr)
				return l.impostor(node, addr, l.path("ca.pem"), l.path("both.pem"))
			},
			refused: "its certificate is not signed by ca_file",
			told:    "it may not accept this node's certificate",
		},
		{
			name: "guesser", addr: "192.0.2.63",
			prepare: func(node, addr string) string {
				l.issue(l.ca, node, nodeAddrs["datardos"]) // as good as a stolen one
				return l.impostor(node, addr, `file("`+l.path("route"), `file("`+l.path("guess"))
			},
			refused: "it gave a wrong route user or password",
			told:    "it does not accept the route password",
		},
		{
			name: "undeclared", addr: "192.0.2.64",
			prepare: func(node, addr string) string {
				l.issue(l.ca, node, addr)
				return l.impostor(node, addr)
			},
			refused: "its certificate is for 192.0.2.64, and no node of the file has such an address or name",
			told:    "this node's certificate is for no node of its file",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := tt.prepare(tt.name, tt.addr)
			bad := l.startOn(l.net.Host(tt.name, tt.addr), tt.name, "--config", file)
			for _, d := range good {
				d.says(`refused a route: from=` + regexp.QuoteMeta(tt.addr) + ` reason="` + regexp.QuoteMeta(tt.refused))
				bad.says(`a peer refused this node: peer=` + d.name + ` reason="[^"]*` + regexp.QuoteMeta(tt.told))
			}
			bad.says(`waiting for nodes: missing=\["magnus", "homer", "datardos"\]`)
			l.notPart(tt.name)
			bad.kill()
		})
	}
	t.Run("stock", func(t *testing.T) {
		l.stockImpostor(t, good, "192.0.2.65")
	})
	l.current(l.dial(nodeNames...))
}

// impostor writes the file that a further node has, with some more changes, in which it is one of the cluster.
func (l *lab) impostor(node, addr string, pairs ...string) string {
	l.t.Helper()
	return l.variant(node+".hcl", append(pairs, `node "magnus" {`, `node "`+node+`" {
    address = "`+addr+`"
    tags    = ["az:4"]
  }

  node "magnus" {`)...)
}

// notPart looks whether the cluster is the declared nodes and nobody else.
func (l *lab) notPart(impostor string) {
	l.t.Helper()
	for _, name := range nodeNames {
		var peers []string
		eventually(l.t, func() (err error) {
			peers, err = l.peers(name)
			return err
		})
		want := slices.DeleteFunc(slices.Sorted(slices.Values(nodeNames)), func(n string) bool { return n == name })
		if !slices.Equal(peers, want) {
			l.t.Errorf("%s has routes to %v", name, peers)
		}
		var jsz struct {
			Meta struct {
				Size int `json:"cluster_size"`
			} `json:"meta_cluster"`
		}
		eventually(l.t, func() error { return l.monitor(name, "jsz", &jsz) })
		if jsz.Meta.Size != 3 {
			l.t.Errorf("with %s about, the meta group on %s has %d members", impostor, name, jsz.Meta.Size)
		}
	}
}

// stockImpostor is a nats-server as everybody can download it, with the right password, that speaks TLS and shows no
// certificate.
func (l *lab) stockImpostor(t *testing.T, good []*process, addr string) {
	var routes []string
	for _, name := range nodeNames {
		routes = append(routes, "nats-route://route:"+routePassword+"@"+nodeAddrs[name]+":"+clusterPort)
	}
	conf := l.write("stock.conf", fmt.Appendf(nil, `
		server_name: stock
		listen: %[1]s:4222
		http: 127.0.0.1:8222
		jetstream { store_dir: %[2]q }
		cluster {
			name: unibus
			listen: %[1]s:%[3]s
			tls { ca_file: %[4]q, insecure: true }
			routes: [%[5]s]
		}`, addr, l.store("stock"), clusterPort, l.path("ca.pem"), strings.Join(routes, ",")))
	host := l.net.Host("stock", addr)
	log := &logText{}
	cmd := host.Command(t.Context(), stockServer(t), "-c", conf)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Log(log.tail())
		}
	})
	for _, d := range good {
		d.says(`refused a route: from=` + regexp.QuoteMeta(addr) + ` reason="it showed no certificate"`)
	}
	l.hosts["stock"] = host
	eventually(t, func() error {
		peers, err := l.peers("stock")
		if err == nil && len(peers) > 0 {
			t.Errorf("the stock server has routes to %v", peers)
		}
		return err
	})
	l.notPart("stock")
}

// TestRefuseClients lets clients at a node that are not on the list of the bus.
func TestRefuseClients(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	magnus := l.start("magnus")
	l.dial("magnus")
	stranger, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		login nats.Option
		says  string
	}{
		{"unknown nkey", l.as(stranger), `refused a client: from=192.0.2.200 user=.*` + publicKey(t, stranger)},
		{"anonymous", nats.Name("anonymous"), `refused a client that gave no credentials: from=192.0.2.200`},
		{"route password", nats.UserInfo("route", routePassword), `refused a client: from=192.0.2.200 user=.*route`},
		{"known nkey, wrong signature", nats.Nkey(publicKey(t, l.alice), stranger.Sign), `refused a client: from=192.0.2.200 user=.*` + publicKey(t, l.alice)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := l.connect(tt.login, "magnus"); !errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("connecting ends with %v, want %v", err, nats.ErrAuthorization)
			}
			magnus.says(tt.says)
		})
	}
}
