//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/api"
	"unibus/internal/netlab"
)

// spares are further hosts for a lab, as node blocks of its file.
var spares = map[string]string{"athena": "203.0.113.40", "hermes": "203.0.113.50"}

// spare plugs in a further host, with a certificate, and returns its node block.
func (l *lab) spare(name, zone string) string {
	l.t.Helper()
	l.hosts[name] = l.net.Host(name, spares[name])
	l.issue(l.ca, name, spares[name])
	return fmt.Sprintf("  node %q {\n    address = %q\n    tags    = [%q]\n  }\n\n", name, spares[name], "az:"+zone)
}

// block is the node block of a node in the file of the example.
func (l *lab) block(node string) string {
	l.t.Helper()
	text := l.text()
	i := strings.Index(text, fmt.Sprintf("  node %q {\n", node))
	if i < 0 {
		l.t.Fatalf("the file has no node %s", node)
	}
	n := strings.Index(text[i:], "\n  }\n\n")
	return text[i : i+n+len("\n  }\n\n")]
}

func (l *lab) text() string {
	l.t.Helper()
	text, err := os.ReadFile(l.file)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

// ship replaces the file that all hosts have, at once.
func (l *lab) ship(text string) {
	l.t.Helper()
	next := l.write("next.hcl", []byte(text))
	if err := os.Rename(next, l.file); err != nil {
		l.t.Fatal(err)
	}
}

// unibus runs a command on a host to its end, and returns what it says and its exit status.
func (l *lab) unibus(host *netlab.Host, node string, args ...string) (string, int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), longest)
	defer cancel()
	cmd := host.Command(ctx, "unibus", append(args, "--config", l.file, "--node", node)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var e *exec.ExitError
	if err != nil && !errors.As(err, &e) {
		l.t.Fatal(err)
	}
	l.t.Logf("on %s: unibus %s: exit %d\n%s", node, strings.Join(args, " "), cmd.ProcessState.ExitCode(), out.String())
	return out.String(), cmd.ProcessState.ExitCode()
}

// must runs a command on the host of a node that has to succeed.
func (l *lab) must(node string, args ...string) string {
	l.t.Helper()
	out, code := l.unibus(l.hosts[node], node, args...)
	if code != 0 {
		l.t.Fatalf("unibus %s: exit %d", strings.Join(args, " "), code)
	}
	return out
}

// refuses runs a command that must end with a status and words.
func (l *lab) refuses(node string, status int, words string, args ...string) {
	l.t.Helper()
	if out, code := l.unibus(l.hosts[node], node, args...); code != status || !strings.Contains(out, words) {
		l.t.Fatalf("unibus %s: exit %d, want %d and %q", strings.Join(args, " "), code, status, words)
	}
}

// nodes is what a node says about all of them.
func (l *lab) members(node string) map[string]api.Member {
	l.t.Helper()
	var n api.Nodes
	if err := json.Unmarshal([]byte(l.must(node, "node", "ls", "-o", "json")), &n); err != nil {
		l.t.Fatal(err)
	}
	all := map[string]api.Member{}
	for _, m := range n.Nodes {
		all[m.Name] = m
	}
	return all
}

// holds waits until exactly these nodes hold every asset, with all replicas current and nothing on its way.
func (l *lab) holds(on ...string) {
	l.t.Helper()
	asked := on[0]
	on = slices.Sorted(slices.Values(on))
	eventually(l.t, func() error {
		out, code := l.unibus(l.hosts[asked], asked, "status", "-o", "json")
		var s api.Status
		if err := json.Unmarshal([]byte(out), &s); code != 0 || err != nil {
			return fmt.Errorf("%s, %w", out, err)
		}
		for _, b := range s.Buckets {
			var peers []string
			for _, p := range b.Peers {
				peers = append(peers, p.Node)
			}
			if slices.Sort(peers); !slices.Equal(peers, on) || b.State != api.AssetCurrent && b.State != api.AssetSettled {
				return fmt.Errorf("%s is %s on %v, want %v", b.Name, b.State, peers, on)
			}
		}
		return nil
	})
}

// checkHeld is check where other nodes hold the bucket.
func (w *writer) checkHeld(nodes ...string) {
	w.t.Helper()
	w.stop()
	<-w.done
	if len(w.created) != 1 {
		w.t.Errorf("the bucket was created %d times", len(w.created))
	}
	var first map[string]string
	eventually(w.t, func() error {
		first = w.contents(nodes[0])
		for _, node := range nodes[1:] {
			if diff := cmp.Diff(first, w.contents(node)); diff != "" {
				return fmt.Errorf("%s (-) and %s (+) differ: %s", nodes[0], node, diff)
			}
		}
		return nil
	})
	for key, value := range w.acked {
		if got := first["$KV.UNIBUS_rooms."+key]; got != value {
			w.t.Errorf("every replica has %s = %q, acknowledged was %q", key, got, value)
		}
	}
	w.t.Logf("%d values were acknowledged, all of them are on %v", len(w.acked), nodes)
}

// caughtUp waits until nodes say of themselves that they hold the same of the bucket. nats-server v2.15.2 leaves a stream
// without a leader when the leadership moves while the others still fetch what was restored.
func (w *writer) caughtUp(nodes ...string) {
	w.t.Helper()
	held := func(node string) (string, error) {
		all, err := w.l.replicas(node)
		if err != nil {
			return "", err
		}
		for _, one := range strings.Split(all, ", ") {
			if strings.HasPrefix(one, "KV_UNIBUS_rooms ") {
				return one, nil
			}
		}
		return "", fmt.Errorf("%s does not store the bucket", node)
	}
	eventually(w.t, func() error {
		first, err := held(nodes[0])
		if err != nil {
			return err
		}
		for _, node := range nodes[1:] {
			other, err := held(node)
			if err != nil {
				return err
			}
			if other != first {
				return fmt.Errorf("%s holds %s, and %s %s", nodes[0], first, node, other)
			}
		}
		return nil
	})
}

// singles is a stream with one replica that is not in the file, with a consumer.
type singles struct {
	t        *testing.T
	consumer jetstream.Consumer
}

// singleReplica makes the stream LOGS with messages, and a consumer that has not seen any.
func (l *lab) singleReplica(nc *nats.Conn) *singles {
	l.t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), longest)
	defer cancel()
	s, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "LOGS", Subjects: []string{"logs"}})
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range 100 {
		if _, err := js.Publish(ctx, "logs", []byte(strconv.Itoa(i))); err != nil {
			l.t.Fatal(err)
		}
	}
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "reader", AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		l.t.Fatal(err)
	}
	return &singles{l.t, c}
}

// check reads all messages through the consumer.
func (s *singles) check() {
	s.t.Helper()
	next := 0
	eventually(s.t, func() error {
		batch, err := s.consumer.Fetch(100, jetstream.FetchMaxWait(2*time.Second))
		if err != nil {
			return err
		}
		for m := range batch.Messages() {
			if string(m.Data()) != strconv.Itoa(next) {
				s.t.Fatalf("message %d is %s", next, m.Data())
			}
			if err := m.Ack(); err != nil {
				return err
			}
			next++
		}
		if next < 100 {
			return fmt.Errorf("%d of 100 messages; %w", next, batch.Error())
		}
		return nil
	})
}

// TestDrainRemoveReplace takes a node out of a running cluster and replaces another one that is lost, while an
// application puts and gets.
func TestDrainRemoveReplace(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all := strings.Replace(l.text(), "  client_port", l.spare("athena", "4")+"  client_port", 1)
	l.ship(all)
	running := map[string]*process{"athena": l.start("athena")}
	for _, name := range nodeNames {
		running[name] = l.start(name)
	}
	w := l.startWriter()
	w.goesOn()
	logs := l.singleReplica(w.nc)
	leaves := l.leader(w.nc, "LOGS")
	stay := slices.DeleteFunc([]string{"magnus", "homer", "datardos", "athena"}, func(n string) bool { return n == leaves })
	at := stay[0]
	if out := l.must(at, "node", "step-down", leaves, "-o", "jsonl"); !strings.Contains(out, `"state":"done","message":"`+leaves+` leads nothing"`) {
		t.Errorf("step-down says %s", out)
	}
	begun := time.Now()
	l.must(at, "node", "drain", leaves)
	t.Logf("drained %s in %v", leaves, time.Since(begun))
	w.goesOn()
	if m := l.members(at)[leaves]; m.Assets > 0 || m.Leads > 0 || !m.Drained {
		t.Errorf("%s is %+v after it was drained", leaves, m)
	}
	if out := l.must(at, "status", leaves); !strings.Contains(out, "up, drained") {
		t.Errorf("the status says %s", out)
	}
	l.refuses(at, exitLater, "still in the file", "node", "remove", leaves, "--yes="+leaves)

	block := l.block(leaves)
	all = strings.Replace(all, block, "", 1)
	l.ship(all)
	l.takenUp(stay...)
	stopAll(t, running[leaves])
	l.refuses(at, exitUsage, "--yes="+leaves, "node", "remove", leaves)
	l.must(at, "node", "remove", leaves, "--yes="+leaves)
	if m, ok := l.members(at)[leaves]; ok {
		t.Errorf("%s is still there: %+v", leaves, m)
	}
	l.holds(stay...)
	w.goesOn()
	logs.check()
	w.checkHeld(stay...)

	w = l.startWriter()
	w.goesOn()
	at = l.leader(w.nc, "LOGS") // the only one that has it
	stay = slices.DeleteFunc(stay, func(n string) bool { return n == at })
	lost := stay[1]
	stay = []string{at, stay[0]}
	t.Logf("kill %s, lose its disk, and replace it by hermes", lost)
	running[lost].kill()
	if err := os.RemoveAll(l.store(lost)); err != nil {
		t.Fatal(err)
	}
	l.refuses(at, exitLater, "still in the file", "node", "remove", lost, "--yes="+lost)
	block = l.block(lost)
	l.ship(strings.Replace(all, block, l.spare("hermes", "5"), 1))
	l.takenUp(stay...)
	l.refuses(at, exitLater, "still list "+lost, "node", "remove", lost, "--yes="+lost)
	running["hermes"] = l.start("hermes")
	l.must(at, "node", "replace", lost, "--yes="+lost)
	l.holds(stay[0], stay[1], "hermes")
	w.goesOn()
	w.checkHeld(stay[0], stay[1], "hermes")
	out := l.must(at, "status")
	if strings.Contains(out, "UB2207") || !strings.Contains(out, "HEALTHY") {
		t.Error("status is not healthy")
	}
}

// takenUp waits until nodes run the file as it is now.
func (l *lab) takenUp(nodes ...string) {
	l.t.Helper()
	for _, name := range nodes {
		eventually(l.t, func() error {
			if out, code := l.unibus(l.hosts[name], name, "reload", "-o", "json"); code != 0 || !strings.Contains(out, `"result":"unchanged"`) {
				return fmt.Errorf("%s: %s", name, out)
			}
			return nil
		})
	}
}

// TestDrainWithoutSpare drains a node of three that all hold everything: it keeps everything until that is taken back, or
// until a fourth node is there, also when it is killed meanwhile.
func TestDrainWithoutSpare(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	running := l.startAll()
	w := l.startWriter()
	l.current(w.nc)
	l.refuses("magnus", exitLater, "no other node", "node", "drain", "homer", "--timeout", "5s")
	l.current(w.nc)
	l.must("magnus", "node", "undrain", "homer")
	if m := l.members("magnus")["homer"]; m.Drained || m.Assets != 2 {
		t.Errorf("homer is %+v after the drain was taken back", m)
	}
	w.goesOn()

	l.refuses("magnus", exitLater, "no other node", "node", "drain", "homer", "--timeout", "2s")
	if !l.members("magnus")["homer"].Drained {
		t.Error("homer is not drained")
	}
	running[1].kill()
	l.start("homer")
	l.current(w.nc)
	l.ship(strings.Replace(l.text(), "  client_port", l.spare("athena", "4")+"  client_port", 1))
	l.start("athena")
	l.must("magnus", "node", "drain", "homer")
	l.holds("magnus", "datardos", "athena")
	w.goesOn()
	w.checkHeld("magnus", "datardos", "athena")
}

// TestRescue loses two of three nodes for good, makes the third writable, and grows it back to three with two others.
func TestRescue(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	running := map[string]*process{}
	for _, name := range nodeNames {
		running[name] = l.start(name)
	}
	w := l.startWriter()
	l.current(w.nc)
	w.goesOn()
	l.refuses("homer", exitLater, "every member of the meta group answers", "node", "rescue", "--yes=unibus")
	running["magnus"].kill()
	w.goesOn()
	l.refuses("homer", exitLater, "nothing to rescue", "node", "rescue", "--yes=unibus")
	w.stop()
	<-w.done

	left := "homer"
	running["datardos"].kill()
	for _, name := range []string{"magnus", "datardos"} {
		if err := os.RemoveAll(l.store(name)); err != nil {
			t.Fatal(err)
		}
	}
	l.refuses(left, exitUsage, "datardos, magnus", "node", "rescue")
	l.refuses(left, exitUsage, "is not the name", "node", "rescue", "--yes=homer")
	begun := time.Now()
	l.must(left, "node", "rescue", "--yes=unibus")
	after := l.startWriter()
	after.goesOn()
	t.Logf("writable %v after it was asked for", time.Since(begun))
	held := after.contents(left)
	for key, value := range w.acked {
		if after.acked[key] == "" && held["$KV.UNIBUS_rooms."+key] != value {
			t.Errorf("%s = %q was acknowledged, the survivor has %q", key, value, held["$KV.UNIBUS_rooms."+key])
		}
	}

	text := strings.Replace(l.text(), l.block("magnus"), l.spare("athena", "1"), 1)
	text = strings.Replace(text, l.block("datardos"), l.spare("hermes", "3"), 1)
	l.ship(text)
	if out, code := l.unibus(l.hosts[left], left, "reload", "--accept", "removed-nodes"); code != 0 || strings.Contains(out, "meta group counts") {
		t.Fatalf("exit status %d: %s", code, out) // which counts nobody any more who is gone
	}
	l.start("athena")
	l.start("hermes")
	l.holds(left, "athena", "hermes")
	after.goesOn()
	after.checkHeld(left, "athena", "hermes")
}

// TestFirstStartWithout starts a cluster of which one node does not come: it waits, forms when told not to, and takes the
// node in when it comes after all.
func TestFirstStartWithout(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first := []*process{l.start("magnus"), l.start("homer")}
	for _, d := range first {
		d.says("waiting for nodes: missing=.*datardos")
		d.says("connected: peer=")
		if strings.Contains(d.log.String(), "meta leader") {
			t.Errorf("%s has a leader without datardos", d.name)
		}
	}
	stopAll(t, first...)
	without := func(name string) *process {
		return l.startOn(l.hosts[name], name, "--config", l.file, "--without", "datardos")
	}
	magnus, homer := without("magnus"), without("homer")
	magnus.says("does not wait for some nodes")
	w := l.startWriter()
	w.goesOn()
	l.start("datardos")
	l.current(w.nc)
	w.goesOn()

	stopAll(t, homer)
	homer = without("homer")
	homer.says("--without is ignored")
	l.current(w.nc)
	w.goesOn()
	w.check()
}
