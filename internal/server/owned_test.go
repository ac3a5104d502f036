package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// estate is an owned account with an asset of each kind, and its servers.
type estate struct {
	nodes []*running
	daily jetstream.JetStream // of the daemon, which owns them
}

// newEstate makes the declared assets as the daemon would. The servers have a JetStream domain, which is a second way to
// the API.
func newEstate(t *testing.T, change func(*schema.Account)) *estate {
	t.Helper()
	topology := loopback(t, nil, "magnus", "homer", "datardos")
	for _, n := range topology.Nodes() {
		n.JetStream.Domain = "hub"
	}
	a := member("APP", "bob")
	a.Owned = true
	a.Buckets = []*schema.Bucket{{Name: "rooms"}}
	a.ObjectStores = []*schema.ObjectStore{{Name: "images"}}
	a.Streams = []*schema.Stream{{Name: "ORDERS", Consumers: []*schema.Consumer{{Name: "billing"}}}}
	if change != nil {
		change(a)
	}
	topology.Accounts = append(topology.Accounts, a)
	e := &estate{nodes: trio(t, topology)}
	var err error
	if e.daily, err = jetstream.New(daemon(t, e.nodes[0], "APP")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		_, err := e.daily.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "rooms", Replicas: 3, History: 5})
		return err
	})
	if _, err := e.daily.CreateObjectStore(t.Context(), jetstream.ObjectStoreConfig{Bucket: "images", Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.daily.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.daily.CreateConsumer(t.Context(), "ORDERS", jetstream.ConsumerConfig{Durable: "billing", Description: "ours"}); err != nil {
		t.Fatal(err)
	}
	return e
}

// configs are the configurations of all that is declared, with the time of their creation.
func (e *estate) configs(t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, name := range []string{"KV_rooms", "OBJ_images", "ORDERS"} {
		eventually(t, func() error {
			s, err := e.daily.Stream(t.Context(), name)
			if err == nil {
				all[name], all[name+" created"] = s.CachedInfo().Config, s.CachedInfo().Created
			}
			return err
		})
	}
	c, err := e.daily.Consumer(t.Context(), "ORDERS", "billing")
	if err != nil {
		t.Fatal(err)
	}
	all["billing"], all["billing created"] = c.CachedInfo().Config, c.CachedInfo().Created
	return all
}

// complaints are the errors that a client is told of outside any request.
type complaints struct {
	mu  sync.Mutex
	all []string
}

func (c *complaints) handle(_ *nats.Conn, _ *nats.Subscription, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, err.Error())
}

// take objects until a permissions violation about a subject was among the errors, and forgets them.
func (c *complaints) take(subject string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.all {
		if strings.Contains(strings.ToLower(text), "permissions violation") && strings.Contains(text, `"`+subject+`"`) {
			c.all = nil
			return nil
		}
	}
	return fmt.Errorf("no permissions violation for %s in %q", subject, c.all)
}

// attempts are the requests by which a client could change or delete what is declared, and their payloads.
func attempts() map[string]any {
	all := map[string]any{}
	for _, name := range []string{"KV_rooms", "OBJ_images", "ORDERS"} {
		config := map[string]any{"name": name, "subjects": []string{"stolen." + name}, "num_replicas": 1, "storage": "file"}
		all["STREAM.CREATE."+name] = config
		all["STREAM.UPDATE."+name] = config
		all["STREAM.DELETE."+name] = nil
		all["STREAM.RESTORE."+name] = map[string]any{"config": config, "state": map[string]any{}}
		all["STREAM.MSG.DELETE."+name] = map[string]any{"seq": 1}
		all["STREAM.LEADER.STEPDOWN."+name] = nil
		all["STREAM.PEER.REMOVE."+name] = map[string]any{"peer": "magnus"}
		all["STREAM.PEER.EVACUATE."+name] = map[string]any{"peer": "magnus"}
		all["STREAM.CANCEL_MOVE."+name] = nil
	}
	consumer := map[string]any{"stream_name": "ORDERS", "config": map[string]any{"name": "billing", "durable_name": "billing", "description": "theirs"}}
	filtered := map[string]any{"stream_name": "ORDERS", "config": map[string]any{"name": "billing", "durable_name": "billing", "filter_subject": "orders.a"}}
	all["CONSUMER.CREATE.ORDERS.billing"] = consumer
	all["CONSUMER.CREATE.ORDERS.billing.orders.a"] = filtered
	all["CONSUMER.DURABLE.CREATE.ORDERS.billing"] = consumer
	all["CONSUMER.DELETE.ORDERS.billing"] = nil
	all["CONSUMER.PAUSE.ORDERS.billing"] = map[string]any{"pause_until": time.Now().Add(time.Hour)}
	all["CONSUMER.RESET.ORDERS.billing"] = map[string]any{"seq": 1}
	all["CONSUMER.LEADER.STEPDOWN.ORDERS.billing"] = nil
	all["CONSUMER.PEER.REMOVE.ORDERS.billing"] = map[string]any{"peer": "magnus"}
	all["CONSUMER.PEER.EVACUATE.ORDERS.billing"] = map[string]any{"peer": "magnus"}
	return all
}

// TestOwnedIsKept has a user of an owned account try every way to change or delete what is declared.
func TestOwnedIsKept(t *testing.T) {
	e := newEstate(t, func(a *schema.Account) {
		mallory := &schema.User{Name: "mallory", Password: schema.NewSecret("mallorymallory")}
		mallory.Permissions = &schema.Permissions{Publish: &schema.SubjectPermission{Allow: []string{"$JS.>", "$KV.>"}, Deny: []string{"$KV.rooms.locked"}}}
		a.Users = append(a.Users, mallory)
	})
	before := e.configs(t)
	for _, user := range []string{"bob", "mallory"} {
		told := &complaints{}
		nc := login(t, e.nodes[1], user, nats.ErrorHandler(told.handle))
		for _, prefix := range []string{"$JS.API.", "$JS.hub.API."} {
			for subject, payload := range attempts() {
				var body []byte
				if payload != nil {
					var err error
					if body, err = json.Marshal(payload); err != nil {
						t.Fatal(err)
					}
				}
				if err := nc.PublishRequest(prefix+subject, nc.NewInbox(), body); err != nil {
					t.Fatal(err)
				}
				eventually(t, func() error { return told.take("$JS.API." + subject) })
			}
		}
		// These are of the system account, and mean nothing anywhere else; an old request names the consumer only inside.
		for subject, body := range map[string]string{
			"ACCOUNT.PURGE.APP": "", "ACCOUNT.STREAM.MOVE.APP.ORDERS": `{"cluster":"x"}`, "ACCOUNT.STREAM.CANCEL_MOVE.APP.ORDERS": "",
			"SERVER.REMOVE": `{"peer":"homer"}`, "SERVER.EVACUATE": `{"peer":"homer"}`, "META.RESCUE": "{}",
			"CONSUMER.CREATE.ORDERS": `{"stream_name":"ORDERS","config":{"name":"billing","durable_name":"billing","description":"theirs"}}`,
		} {
			m, err := nc.Request("$JS.API."+subject, []byte(body), 300*time.Millisecond)
			if err == nil && !strings.Contains(string(m.Data), `"error"`) {
				t.Errorf("%s is answered %s", subject, m.Data)
			}
		}
		e.clientsAreRefused(t, nc, told)
	}
	if d := cmp.Diff(before, e.configs(t)); d != "" {
		t.Errorf("(-before +after):\n%s", d)
	}
}

// clientsAreRefused does with nats.go what programs do out of habit.
func (e *estate) clientsAreRefused(t *testing.T, nc *nats.Conn, told *complaints) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	habits := map[string]func(ctx context.Context) error{
		"STREAM.UPDATE.KV_rooms": func(ctx context.Context) error {
			_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "rooms"})
			return err
		},
		"STREAM.DELETE.KV_rooms": func(ctx context.Context) error { return js.DeleteKeyValue(ctx, "rooms") },
		"STREAM.UPDATE.OBJ_images": func(ctx context.Context) error {
			_, err := js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "images"})
			return err
		},
		"STREAM.DELETE.OBJ_images": func(ctx context.Context) error { return js.DeleteObjectStore(ctx, "images") },
		"STREAM.UPDATE.ORDERS": func(ctx context.Context) error {
			_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "ORDERS"})
			return err
		},
		"STREAM.DELETE.ORDERS": func(ctx context.Context) error { return js.DeleteStream(ctx, "ORDERS") },
		"CONSUMER.CREATE.ORDERS.billing": func(ctx context.Context) error {
			_, err := js.CreateOrUpdateConsumer(ctx, "ORDERS", jetstream.ConsumerConfig{Durable: "billing"})
			return err
		},
		"CONSUMER.DELETE.ORDERS.billing": func(ctx context.Context) error { return js.DeleteConsumer(ctx, "ORDERS", "billing") },
	}
	for subject, habit := range habits {
		ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		if err := habit(ctx); err == nil {
			t.Errorf("%s goes through", subject)
		}
		cancel()
		eventually(t, func() error { return told.take("$JS.API." + subject) })
	}
}

// TestOwnedIsUsed has a user of an owned account do everything that does not change what is declared, and whatever it
// likes with what is not.
func TestOwnedIsUsed(t *testing.T) {
	e := newEstate(t, nil)
	told := &complaints{}
	js, err := jetstream.New(login(t, e.nodes[1], "bob", nats.ErrorHandler(told.handle)))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	uses := map[string]func() error{
		"bucket":       func() error { return useBucket(ctx, js, "rooms") },
		"object store": func() error { return useObjects(ctx, js, "images") },
		"stream":       func() error { return useStream(ctx, js, "ORDERS", "billing") },
		"undeclared": func() error {
			_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "theirs", Replicas: 3})
			if err == nil {
				err = useBucket(ctx, js, "theirs")
			}
			_, uerr := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "theirs", Replicas: 3, History: 9})
			return errors.Join(err, uerr, js.DeleteKeyValue(ctx, "theirs"))
		},
	}
	for what, use := range uses {
		if err := use(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	if len(told.all) > 0 {
		t.Errorf("told: %q", told.all)
	}
}

func useBucket(ctx context.Context, js jetstream.JetStream, bucket string) error {
	kv, err := js.KeyValue(ctx, bucket)
	if err != nil {
		return err
	}
	w, err := kv.Watch(ctx, "key")
	if err != nil {
		return err
	}
	var errs []error
	fail := func(err error) { errs = append(errs, err) }
	revision, err := kv.Create(ctx, "key", []byte("1"))
	fail(err)
	_, err = kv.Update(ctx, "key", []byte("2"), revision)
	fail(err)
	_, err = kv.Put(ctx, "other", nil)
	fail(err)
	fail(caughtUp(func() error {
		_, err := kv.Get(ctx, "key")
		return err
	}))
	_, err = kv.GetRevision(ctx, "key", revision)
	if !errors.Is(err, jetstream.ErrKeyNotFound) { // where one revision is kept
		fail(err)
	}
	fail(caughtUp(func() error {
		_, err := kv.History(ctx, "key")
		return err
	}))
	fail(caughtUp(func() error {
		_, err := kv.Keys(ctx)
		return err
	}))
	_, err = kv.Status(ctx)
	fail(err)
	select {
	case <-w.Updates():
	case <-time.After(longest):
		fail(errors.New("nothing is watched"))
	}
	return errors.Join(append(errs, w.Stop(), kv.Delete(ctx, "other"), kv.Purge(ctx, "key"), kv.PurgeDeletes(ctx, jetstream.DeleteMarkersOlderThan(-1)))...)
}

// caughtUp repeats a read while it finds nothing: any replica may answer it, also one that does not have everything yet.
func caughtUp(read func() error) error {
	for end := time.Now().Add(longest); ; <-time.After(10 * time.Millisecond) {
		err := read()
		nothing := errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrNoKeysFound) || errors.Is(err, jetstream.ErrObjectNotFound)
		if !nothing || time.Now().After(end) {
			return err
		}
	}
}

func useObjects(ctx context.Context, js jetstream.JetStream, name string) error {
	store, err := js.ObjectStore(ctx, name)
	if err != nil {
		return err
	}
	var errs []error
	for _, text := range []string{"first", "second"} {
		_, err := store.PutString(ctx, "logo", text)
		gerr := caughtUp(func() error {
			got, err := store.GetString(ctx, "logo")
			if err == nil && got != text {
				err = fmt.Errorf("%w: got %q", jetstream.ErrObjectNotFound, got)
			}
			return err
		})
		errs = append(errs, err, gerr)
	}
	_, err = store.List(ctx)
	return errors.Join(append(errs, err, store.Delete(ctx, "logo"))...)
}

func useStream(ctx context.Context, js jetstream.JetStream, stream, durable string) error {
	subject := strings.ToLower(stream) + ".new"
	for range 3 {
		if _, err := js.Publish(ctx, subject, []byte("m")); err != nil {
			return err
		}
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	c, err := js.Consumer(ctx, stream, durable)
	if err != nil {
		return err
	}
	own, err := js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{Durable: "own", FilterSubject: subject})
	if err != nil {
		return err
	}
	ordered, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	for _, c := range []jetstream.Consumer{c, own, ordered} {
		m, err := c.Next(jetstream.FetchMaxWait(longest))
		if err != nil {
			return err
		}
		if c != ordered {
			if err := m.DoubleAck(ctx); err != nil {
				return err
			}
		}
	}
	_, err = s.GetMsg(ctx, 1)
	return errors.Join(err, js.DeleteConsumer(ctx, stream, "own"), s.Purge(ctx, jetstream.WithPurgeSubject(subject)))
}

// TestOwnedIsLive turns owned on and off under a client that stays connected, and declares one more asset.
func TestOwnedIsLive(t *testing.T) {
	topology := loopback(t, nil, "magnus")
	app := member("APP", "bob")
	app.Buckets = []*schema.Bucket{{Name: "rooms"}}
	topology.Accounts = append(topology.Accounts, app)
	n := start(t, topology, "magnus")
	told := &complaints{}
	nc := login(t, n, "bob", nats.ErrorHandler(told.handle), nats.DisconnectErrHandler(func(*nats.Conn, error) { t.Error("disconnected") }))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(owned bool, buckets ...string) {
		t.Helper()
		next := *app
		next.Owned, next.Buckets = owned, nil
		for _, name := range buckets {
			next.Buckets = append(next.Buckets, &schema.Bucket{Name: name})
		}
		changed := *topology
		changed.Accounts = []*schema.Account{topology.Accounts[0], &next}
		conf, err := NewConf(&changed, "magnus", n.id)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Reload(conf); err != nil {
			t.Fatal(err)
		}
	}
	change := func(bucket string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket})
		return err
	}
	for _, step := range []struct {
		owned   bool
		buckets []string
		refused []string
	}{
		{false, []string{"rooms"}, nil},
		{true, []string{"rooms"}, []string{"rooms"}},
		{true, []string{"rooms", "more"}, []string{"rooms", "more"}},
		{true, []string{"more"}, []string{"more"}},
		{false, []string{"more"}, nil},
	} {
		reload(step.owned, step.buckets...)
		for _, bucket := range []string{"rooms", "more"} {
			refused := slices.Contains(step.refused, bucket)
			if err := change(bucket); (err != nil) != refused {
				t.Errorf("owned %v with %v: a change of %s: %v", step.owned, step.buckets, bucket, err)
			}
			if refused {
				eventually(t, func() error { return told.take("$JS.API.STREAM.UPDATE.KV_" + bucket) })
			}
		}
	}
	nc.SetDisconnectErrHandler(nil)
}
