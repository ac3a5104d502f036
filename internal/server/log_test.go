package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// TestTranslate is nats-server's words, seen with v2.15.2, in an operator's.
func TestTranslate(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	tests := []struct {
		level int
		line  string
		want  string
	}{
		{noticeLine, "  Max Memory:      64.00 MB", "[DEBUG] nats-server: line=\"Max Memory:      64.00 MB\""},
		{noticeLine, "JetStream cluster new metadata leader: homer/unibus", "[INFO]  meta leader: leader=homer"},
		{noticeLine, "Self is new JetStream cluster metadata leader", "[INFO]  this node is meta leader"},
		{noticeLine, "JetStream cluster no metadata leader", "[WARN]  the meta group has no leader"},
		{warnLine, "JetStream cluster stream 'BUS > KV_b' has NO quorum, stalled", "[WARN]  nats-server: line=\"JetStream cluster stream 'BUS > KV_b' has NO quorum, stalled\""},
		{errorLine, "JetStream out of resources, will be DISABLED", "[ERROR] nats-server: line=\"JetStream out of resources, will be DISABLED\""},
		{warnLine, "Plaintext passwords detected, use nkeys or bcrypt", "[DEBUG] nats-server: line=\"Plaintext passwords detected, use nkeys or bcrypt\""},
		{errorLine, "Error trying to connect to route (attempt 1): dial tcp 198.51.100.20:6250: connect: connection refused", "[DEBUG] nats-server: line=\"Error trying to connect to route (attempt 1): dial tcp 198.51.100.20:6250: connect: connection refused\""},
		{errorLine, "Error trying to connect to route (attempt 10): dial tcp 198.51.100.20:6250: connect: connection refused", "[WARN]  a peer does not answer: peer=homer reason=\"connect: connection refused\""},
		{errorLine, "Error trying to connect to route (attempt 10): dial tcp 203.0.113.10:6250: i/o timeout", "[DEBUG] a peer does not answer: peer=magnus reason=\"i/o timeout\""},
		{errorLine, "Error trying to connect to route (attempt 20): lookup for host \"x\": no such host", "[WARN]  a peer does not answer: reason=\"lookup for host \\\"x\\\": no such host\""},
		{noticeLine, "198.51.100.20:45143 - rid:10 - Route connection created", "[DEBUG] nats-server: line=\"198.51.100.20:45143 - rid:10 - Route connection created\""},
		{errorLine, "198.51.100.20:45143 - rid:10 - authentication error - User \"route\"", "[DEBUG] nats-server: line=\"198.51.100.20:45143 - rid:10 - authentication error - User \\\"route\\\"\""},
		{errorLine, "198.51.100.20:45143 - rid:10 - TLS route handshake error: tls: client didn't provide a certificate", "[WARN]  refused a route: from=198.51.100.20 reason=\"it showed no certificate\""},
		{errorLine, "198.51.100.20:6250 - rid:10 - TLS route handshake error: tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of \"x\") (CN=evil SHA-256: " + hash + ")", "[WARN]  cannot make a route: peer=homer reason=\"its certificate is not signed by ca_file\" certificate=\"CN=evil SHA-256: " + hash + "\""},
		{errorLine, "198.51.100.20:6250 - rid:10 - Route Error 'Authorization Violation'", "[WARN]  a peer refused this node: peer=homer reason=\"it does not accept the route password, or this node's certificate is for no node of its file\""},
		{noticeLine, "198.51.100.20:6250 - rid:10 - Router connection closed: Client Closed", "[WARN]  a peer refused this node: peer=homer reason=\"it hung up; it may not accept this node's certificate, or one side expects TLS and the other does not\""},
		{noticeLine, "198.51.100.20:6250 - rid:10 - Router connection closed: Duplicate Route - Remote: homer", "[DEBUG] nats-server: line=\"198.51.100.20:6250 - rid:10 - Router connection closed: Duplicate Route - Remote: homer\""},
		{noticeLine, "198.51.100.20:45143 - rid:10 - Router connection closed: Stale Connection - Remote: homer", "[WARN]  lost a route: from=198.51.100.20 reason=\"Stale Connection\" peer=homer"},
		{noticeLine, "[2001:db8::1]:6250 - rid:10 - Router connection closed: Stale Connection - Remote: datardos", "[WARN]  lost a route: peer=[2001:db8::1]:6250 reason=\"Stale Connection\""},
		{errorLine, "198.51.100.20:45143 - rid:10 - Remote server has a duplicate name: \"magnus\"", "[ERROR] another server has the name of this node: from=198.51.100.20 name=magnus"},
		{errorLine, "Error connecting to explicit gateway \"west\" (10.2.0.1:7222) at 10.2.0.1:7222 (attempt 1): dial tcp 10.2.0.1:7222: connect: connection refused", "[DEBUG] nats-server: line=\"Error connecting to explicit gateway \\\"west\\\" (10.2.0.1:7222) at 10.2.0.1:7222 (attempt 1): dial tcp 10.2.0.1:7222: connect: connection refused\""},
		{errorLine, "Error connecting to explicit gateway \"west\" (10.2.0.1:7222) at 10.2.0.1:7222 (attempt 10): dial tcp 10.2.0.1:7222: connect: connection refused", "[WARN]  a cluster does not answer: cluster=west peer=10.2.0.1:7222 reason=\"connect: connection refused\""},
		{errorLine, "10.2.0.1:7222 - gid:9 - Error flushing: writev tcp 10.1.0.1:4711->10.2.0.1:7222: writev: broken pipe", "[DEBUG] nats-server: line=\"10.2.0.1:7222 - gid:9 - Error flushing: writev tcp 10.1.0.1:4711->10.2.0.1:7222: writev: broken pipe\""},
		{errorLine, "10.2.0.1:40112 - gid:9 - Rejecting connection from gateway \"west\"", "[WARN]  refused a gateway: from=10.2.0.1 cluster=west"},
		{errorLine, "10.2.0.1:40112 - gid:9 - authentication error - User \"gateway\"", "[WARN]  refused a gateway: from=10.2.0.1"},
		{errorLine, "10.2.0.1:7222 - gid:9 - Gateway Error 'Authorization Violation'", "[WARN]  a cluster does not accept the gateway password, or waits until it is known: from=10.2.0.1"},
		{errorLine, "10.2.0.1:7222 - gid:9 - Attempt to connect to gateway \"west\" using wrong port", "[INFO]  a node of another cluster waits, or has another program on its gateway port: from=10.2.0.1"},
		{errorLine, "10.2.0.1:50000 - cid:7 - \"v1.55.0:go:unibus\" - authentication error - User \"unibus-link\"", "[INFO]  a node asks for a link that this server knows nothing of: from=10.2.0.1"},
		{errorLine, "10.0.0.9:50000 - cid:7 - authentication error", "[WARN]  refused a client that gave no credentials: from=10.0.0.9"},
		{errorLine, "10.0.0.9:50000 - cid:7 - \"v1.55.0:go:app\" - authentication error - Nkey \"UABC\"", "[WARN]  refused a client: from=10.0.0.9 user=\"Nkey \\\"UABC\\\"\""},
		{errorLine, "10.0.0.9:50000 - cid:7 - TLS handshake error: remote error: tls: bad certificate", "[WARN]  refused a client: from=10.0.0.9 reason=\"it does not accept this node's certificate\""},
		{errorLine, "10.0.0.9:50000 - cid:7 - \"v1:go\" - maximum payload exceeded", "[WARN]  a client made a mistake: from=10.0.0.9 reason=\"maximum payload exceeded\""},
		{noticeLine, "10.0.0.9:50000 - cid:7 - Slow Consumer Detected: WriteDeadline of 10s exceeded", "[WARN]  a client is slow: from=10.0.0.9 reason=\"Slow Consumer Detected: WriteDeadline of 10s exceeded\""},
		{errorLine, "10.0.0.9:50000 - cid:7 - \"v1:go\" - \"APP/user:bob\" - Publish Violation - Subject \"$JS.API.STREAM.DELETE.KV_b\"", "[WARN]  a client may not publish to that: from=10.0.0.9 user=APP/user:bob subject=\"$JS.API.STREAM.DELETE.KV_b\""},
		{errorLine, "10.0.0.9:50000 - cid:7 - \"v1:go\" - \"APP/user:bob\" - Subscription Violation - Subject \"a.>\", SID 4", "[WARN]  a client may not subscribe to that: from=10.0.0.9 user=APP/user:bob subject=a.>"},
		{warnLine, "Did not receive all stream info results for \"BUS\"", "[DEBUG] nats-server: line=\"Did not receive all stream info results for \\\"BUS\\\"\""},
		{noticeLine, "10.0.0.9:50000 - cid:7 - something", "[DEBUG] nats-server: line=\"10.0.0.9:50000 - cid:7 - something\""},
		{debugLine, "10.0.0.9:50000 - cid:7 - Client connection created", "[DEBUG] nats-server: line=\"10.0.0.9:50000 - cid:7 - Client connection created\""},
	}
	p := newPeers(mustConf(t, example(), "magnus"))
	for _, tt := range tests {
		log := &logbook{}
		logger := log.logger("")
		logger.SetLevel(hclog.Trace)
		newFolder(logger).add(translate(tt.level, tt.line, p))
		if got := strings.TrimSuffix(log.String(), "\n"); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, tt.want)
		}
	}
}

// TestFold is a wrong password, as nats-server writes about it: some thirty lines a second, each from another port.
func TestFold(t *testing.T) {
	log := &logbook{}
	l := newNatsLog(log.logger("magnus"), mustConf(t, example(), "magnus"))
	begin := time.Now()
	for i := range 318 {
		l.Errorf("198.51.100.20:%d - rid:%d - TLS route handshake error: %v", 40000+i, i, "EOF")
	}
	l.folder.flush(begin.Add(11 * time.Second))
	l.folder.flush(begin.Add(12 * time.Second))
	l.Errorf("198.51.100.20:40000 - rid:7 - TLS route handshake error: EOF")
	l.folder.flush(begin.Add(80 * time.Second))
	l.folder.flush(begin.Add(20 * time.Minute)) // nothing came in the meantime
	l.Errorf("198.51.100.20:40000 - rid:7 - TLS route handshake error: EOF")
	l.Errorf("198.51.100.20:40000 - rid:7 - TLS route handshake error: EOF")
	l.folder.close()
	want := strings.ReplaceAll(`[WARN]  magnus: L
[WARN]  magnus: L repeated=317 within=11s
[WARN]  magnus: L repeated=1 within=1m9s
[WARN]  magnus: L
[WARN]  magnus: L repeated=1 within=0s
`, "L", "refused a route: from=198.51.100.20 reason=EOF")
	if got := log.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestFoldTellsWho is the same trouble with hosts whose names or addresses differ by a digit.
func TestFoldTellsWho(t *testing.T) {
	log := &logbook{}
	topology := example()
	topology.Nodes()[0].Name, topology.Nodes()[1].Name = "n1", "n2"
	l := newNatsLog(log.logger("n3"), mustConf(t, topology, "datardos"))
	for _, n := range topology.Nodes()[:2] {
		l.Errorf("Error trying to connect to route (attempt 10): dial tcp %s: connect: connection refused", hostPort(n.Address, n.ClusterPort))
	}
	l.refusedRoute("192.0.2.61", "it gave no route password")
	l.refusedRoute("192.0.2.62", "it gave no route password")
	l.folder.close()
	for _, who := range []string{"peer=n1", "peer=n2", "from=192.0.2.61", "from=192.0.2.62"} {
		if err := log.has(who); err != nil {
			t.Error(err)
		}
	}
}

// TestFoldLimit is somebody who makes up lines.
func TestFoldLimit(t *testing.T) {
	log := &logbook{}
	l := newNatsLog(log.logger("magnus"), mustConf(t, example(), "magnus"))
	for i := range 10 * foldLimit {
		l.Warnf("made up by %s", strings.Repeat("x", i))
	}
	l.folder.close()
	if n := strings.Count(log.String(), "\n"); n > foldLimit+2 {
		t.Errorf("%d lines", n)
	}
	if err := log.has("too many different lines", fmt.Sprint("repeated=", 9*foldLimit-1)); err != nil {
		t.Error(err)
	}
}

// TestRedactor looks for every secret of the file in every spelling, also for those that a reload has brought.
func TestRedactor(t *testing.T) {
	log := &logbook{}
	c := mustConf(t, everything(), "a")
	l := newNatsLog(log.logger("a"), c)
	l.redactor.add([]string{"s3cret", "new"})
	for _, secret := range append(c.secrets(), "s3cret", "new") {
		for _, s := range spellings(secret) {
			l.Warnf("Removed route nats-route://r:%s@b (%q)", s, s)
		}
	}
	l.Fatalf("cannot %s", "s3cret-7")
	l.Fatalf("the second one")
	if err := <-l.fatal; err.Error() != "nats-server: cannot (redacted)" {
		t.Errorf("fatal: %v", err)
	}
	l.folder.close()
	for _, secret := range c.secrets() {
		for _, s := range spellings(secret) {
			if strings.Contains(log.String(), s) {
				t.Errorf("%q in:\n%s", s, log)
			}
		}
	}
	if newRedactor(nil).line("as it was") != "as it was" {
		t.Error("changed a line without secrets")
	}
}
