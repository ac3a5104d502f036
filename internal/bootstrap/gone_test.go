package bootstrap

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"unibus/config/schema"
)

// TestGone takes an asset of each kind out of the file. All of them stay with what is in them, and are reported until
// somebody removes them.
func TestGone(t *testing.T) {
	t.Parallel()
	c := newNodes(t, 3)
	c.start(0, 1, 2)
	before := c.declares(everyKind())
	runs := c.bootstrapAll(before)
	wantPhase(t, Ready, runs...)
	for _, r := range runs {
		_ = r.stop()
	}
	js := c.js(0)
	put(t, mustKV(t, js, "rooms"), 10)

	contents := everyKind()
	kept := schema.Contents{Buckets: []*schema.Bucket{{Name: "more", Replicas: 3}}, Streams: contents.Streams[:1]}
	kept.Streams[0].Consumers = kept.Streams[0].Consumers[:2]
	after := c.declares(kept)
	c.gone = Forgotten(nil, before, after)
	want := []Gone{
		{Kind: "bucket", Account: "BUS", Name: "rooms"},
		{Kind: "object_store", Account: "BUS", Name: "images"},
		{Kind: "consumer", Account: "BUS", Stream: "ORDERS", Name: "pushes"},
		{Kind: "stream", Account: "BUS", Name: "WORK"},
		{Kind: "consumer", Account: "BUS", Stream: "WORK", Name: "worker"},
		{Kind: "stream", Account: "BUS", Name: "COPY"},
	}
	if !slices.Equal(c.gone, want) {
		t.Fatalf("forgotten: %v, want %v", c.gone, want)
	}
	seen := changesSeen(t, c.connect(0))
	r := c.bootstrap(c.wantLeader(), after)
	reported := func(want ...Gone) {
		t.Helper()
		eventually(t, longest, func() error {
			if got := r.now().Gone; !slices.Equal(got, want) {
				return fmt.Errorf("gone: %v, want %v", got, want)
			}
			return nil
		})
	}
	reported(want...)
	wantPhase(t, Ready, r)
	for _, change := range seen() {
		if change != "STREAM.CREATE.KV_more" {
			t.Errorf("what is not declared was touched: %s", change)
		}
	}
	if info := wantReplicas(t, js, "rooms", 3); info.State.Msgs != 10 {
		t.Errorf("%d values of 10", info.State.Msgs)
	}
	if err := js.DeleteKeyValue(context.Background(), "rooms"); err != nil {
		t.Fatal(err)
	}
	reported(want[1:]...)

	// What is declared again is not forgotten any more.
	if got := Forgotten(c.gone, after, before); !slices.Equal(got, []Gone{{Kind: "bucket", Account: "BUS", Name: "more"}}) {
		t.Errorf("forgotten: %v", got)
	}
}
