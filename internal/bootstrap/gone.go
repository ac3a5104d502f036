package bootstrap

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// Gone is an asset that an earlier file declared and this one does not. It and its data stay until a person removes it.
type Gone struct{ Kind, Account, Stream, Name string }

// Forgotten are the assets of before and those that was declares, without those that is declares.
func Forgotten(before []Gone, was, is *schema.Topology) []Gone {
	now := declared(is)
	var all []Gone
	for _, g := range append(slices.Clone(before), declared(was)...) {
		if !slices.Contains(now, g) && !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	return all
}

// declared names what a topology declares.
func declared(t *schema.Topology) []Gone {
	var all []Gone
	for _, a := range t.Accounts {
		for _, b := range a.Buckets {
			all = append(all, Gone{Kind: "bucket", Account: a.Name, Name: b.Name})
		}
		for _, o := range a.ObjectStores {
			all = append(all, Gone{Kind: "object_store", Account: a.Name, Name: o.Name})
		}
		for _, s := range a.Streams {
			all = append(all, Gone{Kind: "stream", Account: a.Name, Name: s.Name})
			for _, c := range s.Consumers {
				all = append(all, Gone{Kind: "consumer", Account: a.Name, Stream: s.Name, Name: c.Name})
			}
		}
	}
	return all
}

func (g Gone) String() string { return Asset{Kind: g.Kind, Stream: g.Stream, Name: g.Name}.String() }

// watchGone looks now and then whether what the file does not have any more is still there, until ctx ends.
func (r *runner) watchGone(ctx context.Context) {
	said := map[Gone]bool{}
	for {
		var still []Gone
		for _, g := range r.Gone {
			if !r.exists(ctx, g) {
				continue
			}
			still = append(still, g)
			if !said[g] && r.Meta().IsLeader {
				r.log.Info("not in the file any more, it and its data stay", "kind", g.Kind, "name", g.Name, "account", g.Account)
			}
			said[g] = true
		}
		r.mu.Lock()
		r.still = still
		r.mu.Unlock()
		r.touch()
		select {
		case <-ctx.Done():
			return
		case <-time.After(6 * r.Every):
		}
	}
}

// exists is false when the asset is not there, and when nobody answers.
func (r *runner) exists(ctx context.Context, g Gone) bool {
	js, err := r.JetStream(g.Account)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.attempt)
	defer cancel()
	switch g.Kind {
	case "bucket":
		_, err = js.Stream(ctx, bucketPrefix+g.Name)
	case "object_store":
		_, err = js.Stream(ctx, objectStorePrefix+g.Name)
	case "stream":
		_, err = js.Stream(ctx, g.Name)
	default:
		_, err = js.Consumer(ctx, g.Stream, g.Name)
	}
	return err == nil || errors.Is(err, jetstream.ErrNotPullConsumer)
}
