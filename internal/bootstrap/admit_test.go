package bootstrap

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestOverlooked starts from what a leader leaves behind that was killed while it admitted the first other node: its
// peers.idx has that node already, its log has not. nats-server v2.15.2 keeps the node out for five minutes then.
func TestOverlooked(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 3)
	for !c.killedWhileAdmitting() {
		t.Log("once more")
	}
	c.start(0, 1, 2)
	runs := c.bootstrapAll(c.topology(buckets(3, "ROOMS")...))
	wantPhase(t, Ready, runs...)
	if c.stepDowns.Load() < 1 {
		t.Error("no leader has stepped down, so the store was not what a kill leaves")
	}
}

// killedWhileAdmitting leaves such a store on the node that was elected first, and empty ones on the others. It is false
// when the moment was missed, or the leader had nobody to admit.
func (c *nodes) killedWhileAdmitting() bool {
	c.start(0, 1, 2)
	leader := c.wantLeader()
	dir := filepath.Join(c.stores[leader], "jetstream", "SYS", "_js_", "_meta_")
	left := map[string][]byte{}
	for _, name := range []string{"meta.inf", "meta.sum", "tav.idx", "msgs/1.blk"} {
		left[name], _ = os.ReadFile(filepath.Join(dir, name))
	}
	var group server.RaftzGroup
	eventually(c.t, longest, func() error {
		group = (*c.servers[leader].Raftz(&server.RaftzOptions{AccountFilter: "SYS", GroupFilter: "_meta_"}))["SYS"]["_meta_"]
		if len(group.Peers) != 2 {
			return fmt.Errorf("the leader has %d peers", len(group.Peers))
		}
		return nil
	})
	for i := range c.servers {
		c.stop(i)
		c.stores[i] = c.t.TempDir()
	}

	// A block starts with the length and the sequence of its first message. That is the peer state of a new leader.
	first := left["msgs/1.blk"]
	if len(first) < 12 || binary.LittleEndian.Uint64(first[4:]) != 1 {
		return false // too early, or too late
	}
	first = first[:binary.LittleEndian.Uint32(first)]
	left["msgs/1.blk"] = first
	admitted := ""
	for id := range group.Peers {
		if !strings.Contains(string(first), id) {
			admitted = id
		}
	}
	if admitted == "" {
		return false
	}
	// The size of the group, the number of its known members, their IDs, and whether it extends another domain.
	peers := binary.LittleEndian.AppendUint32(nil, 2)
	peers = binary.LittleEndian.AppendUint32(peers, 2)
	left["peers.idx"] = fmt.Appendf(peers, "%s%s\x00\x00", group.ID, admitted)
	dir = filepath.Join(c.stores[leader], "jetstream", "SYS", "_js_", "_meta_")
	for name, text := range left {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return true
}
