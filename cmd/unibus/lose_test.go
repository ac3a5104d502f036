//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOnlyDeclaredAddresses looks at everything a client can learn about where the nodes are.
func TestOnlyDeclaredAddresses(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.startAll()
	l.current(l.dial(nodeNames...))
	declared := slices.Sorted(maps.Values(nodeAddrs))
	for _, name := range nodeNames {
		text, told := l.info(name)
		if strings.Contains(text, bridgeAddr) {
			t.Errorf("%s tells clients %s", name, text)
		}
		nc := l.dial(name)
		for _, s := range slices.Concat(nc.Servers(), nc.DiscoveredServers()) {
			u, err := url.Parse(s)
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, u.Host)
		}
		for _, s := range told {
			host, port, err := net.SplitHostPort(s)
			if err != nil || port != clientPort || !slices.Contains(declared, host) {
				t.Errorf("%s tells clients to go to %s", name, s)
			}
		}
		var routez struct{ Routes []struct{ IP string } }
		eventually(t, func() error { return l.monitor(name, "routez", &routez) })
		for _, r := range routez.Routes {
			if !slices.Contains(declared, r.IP) {
				t.Errorf("%s has a route to %s", name, r.IP)
			}
		}
	}
}

// info is what a node tells everybody who connects: the whole text, and the addresses of servers in it.
func (l *lab) info(node string) (text string, urls []string) {
	l.t.Helper()
	conn, err := l.laptop.Dial("tcp", net.JoinHostPort(nodeAddrs[node], clientPort))
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	text, err = bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		l.t.Fatal(err)
	}
	var info struct {
		URLs []string `json:"connect_urls"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "INFO ")), &info); err != nil {
		l.t.Fatal(err)
	}
	return text, info.URLs
}

// TestLoseNode kills the node that leads the bucket and brings it back, and then does the same to another one whose
// disk is lost as well, while an application puts and gets.
func TestLoseNode(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	running := map[string]*process{}
	for _, name := range nodeNames {
		running[name] = l.start(name)
	}
	nc := l.dial(nodeNames...)
	l.current(nc)
	w := l.startWriter()
	w.goesOn()

	victim := l.leader(nc, "KV_UNIBUS_rooms")
	t.Logf("kill %s, the leader", victim)
	running[victim].kill()
	w.goesOn()
	running[victim] = l.start(victim)
	l.current(nc)
	w.goesOn()

	i := slices.IndexFunc(nodeNames, func(n string) bool { return n != l.leader(nc, "KV_UNIBUS_rooms") })
	victim = nodeNames[i]
	t.Logf("kill %s and lose its disk", victim)
	running[victim].kill()
	if err := os.RemoveAll(l.store(victim)); err != nil {
		t.Fatal(err)
	}
	w.goesOn()
	running[victim] = l.start(victim)
	l.current(nc)
	w.goesOn()
	w.check()
	for name, d := range running {
		d.eventually(func() error {
			if peers, err := l.peers(name); err != nil || len(peers) != 2 {
				return fmt.Errorf("%s has routes to %v, %w", name, peers, err)
			}
			return nil
		})
	}
}
