//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/netlab"
)

// TestFormAtOnce starts three hosts with empty stores at the same time.
func TestFormAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := l.startAll()
	nc := l.dial(nodeNames...)
	l.current(nc)
	for _, d := range all {
		d.says(`declared assets are current: assets=2`)
	}
	l.declared(t)
	stopAll(t, all...)
}

// declared looks whether the buckets are what the file says.
func (l *lab) declared(t *testing.T) {
	t.Helper()
	js, err := jetstream.New(l.dial(nodeNames...))
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := js.Stream(t.Context(), "KV_UNIBUS_rooms")
	if err != nil {
		t.Fatal(err)
	}
	if c := rooms.CachedInfo().Config; c.MaxMsgsPerSubject != 10 || c.Storage != jetstream.FileStorage || c.AllowDirect {
		t.Errorf("rooms has history %d, storage %v, allow_direct %v", c.MaxMsgsPerSubject, c.Storage, c.AllowDirect)
	}
	presence, err := js.Stream(t.Context(), "KV_UNIBUS_presence")
	if err != nil {
		t.Fatal(err)
	}
	if c := presence.CachedInfo().Config; c.MaxAge != 30*time.Second || c.Storage != jetstream.MemoryStorage {
		t.Errorf("presence has ttl %v, storage %v", c.MaxAge, c.Storage)
	}
}

// TestHostFindsItsNode starts hosts that do not call themselves as their nodes are called.
func TestHostFindsItsNode(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for hostname, node := range map[string]string{"ip-192-0-2-30": "datardos", "MAGNUS.example.org": "magnus"} {
		d := l.startOn(l.net.Host(hostname, "192.0.2.99"), hostname, "--config", l.file)
		d.says(`starting: node=` + node + ` `)
		d.kill()
	}
}

// TestFormInAnyOrder starts the hosts one after the other, each so much later that those before it have given up calling
// it a start: they are degraded, say for whom they wait, and go on. When the last one comes all is done.
func TestFormInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, order := range [][]string{
		{"magnus", "homer", "datardos"},
		{"homer", "datardos", "magnus"},
		{"datardos", "magnus", "homer"},
	} {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.file = l.variant("short.hcl", `client_port  = 4222`, `client_port = 4222
				bootstrap { timeout = "1s" }`)
			var up []*process
			for i, name := range order {
				newest := l.start(name)
				up = append(up, newest)
				if later := order[i+1:]; len(later) > 0 {
					for _, d := range up {
						d.says(`waiting for nodes: missing=\["` + inFileOrder(later, `", "`) + `"\]`)
					}
					newest.says(`degraded: reason="waiting for ` + inFileOrder(later, ", ") + ": the first start needs every declared node")
				}
			}
			for _, d := range up {
				d.says(`declared assets are current`)
			}
			l.current(l.dial(nodeNames...))
		})
	}
}

// inFileOrder are names in the order of the file.
func inFileOrder(names []string, separator string) string {
	in := slices.DeleteFunc(slices.Clone(nodeNames), func(n string) bool { return !slices.Contains(names, n) })
	return strings.Join(in, separator)
}

// TestFormAfterRepair starts hosts of which one has a wrong route password. It stays out, and both sides say why, until that
// is put right.
func TestFormAfterRepair(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.write("guess", []byte("a-wrong-guess"))
	wrong := l.variant("wrong.hcl", l.path("route"), l.path("guess"))
	magnus, homer := l.start("magnus"), l.start("homer")
	datardos := l.startOn(l.hosts["datardos"], "datardos", "--config", wrong)
	for _, d := range []*process{magnus, homer} {
		d.says(`waiting for nodes: missing=\["datardos"\]`)
		d.says(`refused a route: from=192\.0\.2\.30 reason="it gave a wrong route user or password"`)
		datardos.says(`a peer refused this node: peer=` + d.name + ` reason="it does not accept the route password`)
	}
	datardos.kill()
	datardos = l.start("datardos")
	for _, d := range []*process{magnus, homer, datardos} {
		d.says(`declared assets are current`)
	}
	l.current(l.dial(nodeNames...))
}

// TestFormWithoutHairpin starts hosts that do not reach their own public address, as behind most NATs.
func TestFormWithoutHairpin(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, name := range nodeNames {
		noHairpin(t, l.hosts[name], nodeAddrs[name])
	}
	all := l.startAll()
	l.current(l.dial(nodeNames...))
	for _, d := range all {
		d.says(`declared assets are current`)
		if strings.Contains(d.log.String(), "peer="+d.name) {
			t.Errorf("%s complains about itself", d.name)
		}
	}
}

func noHairpin(t *testing.T, h *netlab.Host, addr string) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip(err)
	}
	rules := fmt.Sprintf(`
		table inet hairpin {
			chain out {
				type filter hook output priority 0;
				oif lo ip daddr %s drop
			}
		}`, addr)
	cmd := h.Command(t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
}
