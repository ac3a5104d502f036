//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"unibus/internal/netlab"
)

// pages are the pages of the nodes of a lab, all in one Chromium outside.
type pages struct {
	mu    sync.Mutex
	nodes map[string]string // by URL
	shown map[string][]string
}

// openPages opens the page of each node, as somebody with ssh -L would. It is nil where there is no Chromium.
func (l *lab) openPages() *pages {
	l.t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("CI") != "" {
			l.t.Fatal(err)
		}
		l.t.Logf("the page is not looked at: %v", err)
		return nil
	}
	look := filepath.Join(l.dir, "look")
	build := exec.Command("go", "build", "-trimpath", "-o", look, "./look")
	build.Dir = "../../internal/webtest"
	if out, err := build.CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}
	p := &pages{nodes: map[string]string{}, shown: map[string][]string{}}
	cmd := exec.Command(look)
	for _, name := range nodeNames {
		url := "http://" + forward(l.t, l.hosts[name], "127.0.0.1:8222") + "/"
		p.nodes[url] = name
		cmd.Args = append(cmd.Args, url)
	}
	p.run(l.t, cmd)
	return p
}

// run reads what the pages show until the test ends.
func (p *pages) run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(out)
	}()
	t.Cleanup(func() {
		_ = in.Close()
		<-read
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, stderr.String())
		}
	})
}

func (p *pages) read(from io.Reader) {
	var page struct{ URL, Text string }
	for d := json.NewDecoder(from); d.Decode(&page) == nil; {
		p.mu.Lock()
		name := p.nodes[page.URL]
		now, _, _ := strings.Cut(page.Text, "WHAT HAS HAPPENED") // what follows is not true any more
		p.shown[name] = append(p.shown[name], now)
		p.mu.Unlock()
	}
}

// forget leaves of each page only what it shows now.
func (p *pages) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, all := range p.shown {
		p.shown[name] = all[max(0, len(all)-1):]
	}
}

// has objects unless the page of a node has shown all words at once since the last forget.
func (p *pages) has(node string, words ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := ""
	for _, last = range p.shown[node] {
		missing := false
		for _, w := range words {
			missing = missing || !strings.Contains(last, strings.TrimSpace(w))
		}
		if !missing {
			return nil
		}
	}
	return fmt.Errorf("the page of %s has not shown %q:\n%s", node, words, last)
}

// forward makes a port of a host reachable from outside until the test ends, and returns where.
func forward(t *testing.T, host *netlab.Host, to string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			out, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = out.Close() }()
				in, err := host.Dial("tcp", to)
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(in, out)
					_ = in.Close()
				}()
				_, _ = io.Copy(out, in)
			}()
		}
	}()
	return ln.Addr().String()
}
