//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/netlab"
)

// newGrowLab is the hosts of the supercluster example without a file.
func newGrowLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, net: netlab.New(t), dir: t.TempDir(), hosts: map[string]*netlab.Host{}}
	for name, addr := range superAddrs {
		l.hosts[name] = l.net.Host(name, addr)
	}
	l.laptop = l.net.Host("laptop", "10.9.0.1")
	l.write("gateway", []byte(routePassword))
	l.write("user", []byte(superPassword))
	return l
}

// secure gives every node a certificate. Clients are asked for one if verify says so.
func (l *lab) secure(verify bool) {
	l.t.Helper()
	l.ca, l.verify = newAuthority(l.t), verify
	l.trusts = l.write("ca.pem", l.ca.pem)
	for name, addr := range superAddrs {
		l.issue(l.ca, name, addr)
	}
}

// application is how the application logs in from the laptop.
func (l *lab) application(more ...nats.Option) []nats.Option {
	all := append([]nats.Option{nats.UserInfo("user", superPassword), nats.SetCustomDialer(l.laptop)}, more...)
	if l.ca != nil {
		all = append(all, nats.RootCAs(l.trusts), nats.ClientCert(l.path("arbiter.pem"), l.path("arbiter-key.pem")))
	}
	return all
}

// shipTopology puts a file of some clusters and some assets in place, under a name. One cluster alone is no supercluster.
func (l *lab) shipTopology(name, assets string, clusters ...[]string) string {
	l.t.Helper()
	var b strings.Builder
	for _, nodes := range clusters {
		cluster, _, _ := strings.Cut(nodes[0], "-")
		fmt.Fprintf(&b, "  cluster %q {\n", cluster)
		for _, n := range nodes {
			fmt.Fprintf(&b, "    node %q {\n      address = %q\n      arbiter = %t\n    }\n", n, superAddrs[n], n == "arbiter")
		}
		b.WriteString("  }\n")
	}
	security := "  insecure = true\n"
	if l.ca != nil {
		security = fmt.Sprintf("  tls {\n    ca_file       = %q\n    cert_file     = %q\n    key_file      = %q\n    client_verify = %t\n  }\n",
			l.trusts, l.path("${node.name}.pem"), l.path("${node.name}-key.pem"), l.verify)
	}
	shared := security + fmt.Sprintf(`  restarts = %q
  jetstream { store_dir = %q }
  secrets {
    gateway = file(%q)
    user    = file(%q)
  }
  account "APP" {
    user "user" { password = secret.user }
%s  }
}
`, cmp.Or(l.restarts, "in-turn"), l.path("store"), l.path("gateway"), l.path("user"), assets)
	text := "supercluster \"orders\" {\n" + b.String() + "  gateways {\n    user     = \"gateway\"\n    password = secret.gateway\n  }\n" + shared
	if len(clusters) == 1 {
		text = strings.TrimSuffix(strings.TrimPrefix(b.String(), "  "), "  }\n") + shared
	}
	l.write(name+".new", []byte(text))
	if err := os.Rename(l.path(name+".new"), l.path(name)); err != nil {
		l.t.Fatal(err)
	}
	return l.path(name)
}

// journal is an application that publishes numbered messages to a stream all the time, each until it is acknowledged.
type journal struct {
	t     *testing.T
	js    jetstream.JetStream
	acked int
	stop  context.CancelFunc
	done  chan struct{}
}

func (l *lab) startJournal(nodes ...string) *journal {
	l.t.Helper()
	var urls []string
	for _, n := range nodes {
		urls = append(urls, "nats://"+superAddrs[n]+":"+clientPort)
	}
	var nc *nats.Conn
	eventually(l.t, func() (err error) {
		nc, err = nats.Connect(strings.Join(urls, ","), l.application(nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))...)
		return err
	})
	l.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	j := &journal{t: l.t, js: js, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(j.done)
		for ctx.Err() == nil {
			j.publish(ctx)
		}
	}()
	l.t.Cleanup(func() {
		cancel()
		<-j.done
	})
	return j
}

func (j *journal) publish(ctx context.Context) {
	attempt, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := j.js.Publish(attempt, "log", fmt.Append(nil, j.acked)); err == nil {
		j.acked++
	}
}

// check stops the journal and looks for everything that was acknowledged.
func (j *journal) check() {
	j.t.Helper()
	j.stop()
	<-j.done
	if j.acked < 500 {
		j.t.Errorf("only %d messages were acknowledged", j.acked)
	}
	found := map[string]bool{}
	eventually(j.t, func() error {
		s, err := j.js.Stream(j.t.Context(), "LOG")
		if err != nil {
			return err
		}
		state := s.CachedInfo().State
		for seq := state.FirstSeq; seq <= state.LastSeq; seq++ {
			m, err := s.GetMsg(j.t.Context(), seq)
			if err != nil {
				return err
			}
			found[string(m.Data)] = true
		}
		return nil
	})
	for i := range j.acked {
		if !found[fmt.Sprint(i)] {
			j.t.Fatalf("message %d of %d was acknowledged and is gone", i, j.acked)
		}
	}
	j.t.Logf("%d messages were acknowledged, and all are there", j.acked)
}

const (
	logAsset    = "    stream \"LOG\" {\n      subjects = [\"log\"]\n      replicas = 3\n      placement { cluster = \"east\" }\n    }\n"
	ordersAsset = "    stream \"ORDERS\" {\n      subjects = [\"orders\"]\n      replicas = 3\n      placement { cluster = \"west\" }\n      consumer \"billing\" {}\n    }\n"
)

// on waits until a stream has its replicas on exactly these nodes, all current.
func (j *journal) on(stream string, nodes ...string) {
	j.t.Helper()
	eventually(j.t, func() error {
		ctx, cancel := context.WithTimeout(j.t.Context(), 2*time.Second)
		defer cancel()
		s, err := j.js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		c := s.CachedInfo().Cluster
		on := []string{c.Leader}
		for _, p := range c.Replicas {
			if !p.Current {
				return fmt.Errorf("the replica of %s on %s is not current", stream, p.Name)
			}
			on = append(on, p.Name)
		}
		if slices.Sort(on); !slices.Equal(on, nodes) {
			return fmt.Errorf("%s is on %v", stream, on)
		}
		return nil
	})
}

// TestThirdCluster adds a third cluster to a running supercluster under load, through the file alone: it is shipped, and
// the new hosts are started, at the same moment.
func TestThirdCluster(t *testing.T) {
	t.Parallel()
	l := newGrowLab(t)
	l.grows([][]string{eastNodes, {"arbiter"}}, [][]string{eastNodes, {"arbiter"}, westNodes}, westNodes, false)
}

// TestSecondCluster makes a supercluster of a running cluster in the same way, with certificates that also clients must show.
// When the first node is linked, another one crashes and comes back with the new file.
func TestSecondCluster(t *testing.T) {
	t.Parallel()
	l := newGrowLab(t)
	l.secure(true)
	l.grows([][]string{eastNodes}, [][]string{eastNodes, westNodes}, westNodes, true)
}

func (l *lab) grows(before, after [][]string, added []string, crash bool) {
	t := l.t
	l.file = l.shipTopology("unibus.hcl", logAsset, before...)
	old := slices.Concat(before...)
	all := map[string]*process{}
	for _, n := range old {
		all[n] = l.start(n)
	}
	eventually(t, func() error { return l.metaGroup(len(old), old...) })
	j := l.startJournal(eastNodes...)
	j.on("LOG", eastNodes...)

	l.shipTopology("unibus.hcl", logAsset+ordersAsset, after...)
	for _, n := range added {
		all[n] = l.start(n)
	}
	if crash {
		l.crashUnlinked(all, old)
	}
	everyone := append(slices.Clone(old), added...)
	grown := func() error { return l.metaGroup(len(everyone), everyone...) }
	if err := poll(3*time.Minute, grown); err != nil {
		t.Fatal(err)
	}
	j.on("ORDERS", westNodes...)
	j.on("LOG", eastNodes...)
	for _, n := range old {
		all[n].says("restarted in turn")
	}
	j.check()
}

// crashUnlinked kills a node that waits for its turn, when another one has had it, and starts it again.
func (l *lab) crashUnlinked(all map[string]*process, nodes []string) {
	l.t.Helper()
	eventually(l.t, func() error {
		for _, n := range nodes {
			if strings.Contains(all[n].log.String(), "restarted in turn") {
				return nil
			}
		}
		return errors.New("nobody has restarted")
	})
	for _, n := range nodes {
		if !strings.Contains(all[n].log.String(), "restarting in turn") {
			all[n].kill()
			all[n] = l.start(n)
			all[n].says("the store is not linked with every cluster of the file yet")
			return
		}
	}
	l.t.Fatal("all have restarted already")
}
