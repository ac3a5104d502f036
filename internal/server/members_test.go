package server

import (
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// TestPeerID compares what a server is called by Raft groups with what nats-server calls itself.
func TestPeerID(t *testing.T) {
	for _, name := range []string{"magnus", "n1.example.com", "Ærø"} {
		s, err := natsserver.NewServer(&natsserver.Options{ServerName: name, DontListen: true, NoSigs: true, NoLog: true})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if got, want := PeerID(name), s.Node(); got != want {
			t.Errorf("PeerID(%q) = %q, nats-server says %q", name, got, want)
		}
		s.Shutdown()
		s.WaitForShutdown()
	}
}
