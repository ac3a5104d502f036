package server

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// carolsHash is bcrypt of carolcarol.
const carolsHash = "$2a$04$X9B/oECxpmirdJ5vpg57uuj6DFtKOjCn5Gd89jadSoU2NOVqyqBEG"

// TestUsers logs in with every sort of credential, wrong ones included, and looks what each may do.
func TestUsers(t *testing.T) {
	topology := loopback(t, nil, "magnus")
	kp, public := userKey(t)
	stranger, _ := userKey(t)
	app := &schema.Account{Name: "APP"}
	app.Users = []*schema.User{
		{Name: "bob", Password: schema.NewSecret("bobbob"), ConnectionTypes: []string{"STANDARD"}},
		{Name: "carol", Password: schema.NewSecret(carolsHash)},
		{Name: "leaf", Password: schema.NewSecret("leafleaf"), ConnectionTypes: []string{"LEAFNODE", "WEBSOCKET"}},
	}
	sys := &schema.Account{Name: schema.SystemAccount}
	sys.Users = []*schema.User{{Name: "root", Password: schema.NewSecret("rootroot")}, {Name: "operator", NKey: public}}
	topology.Accounts = append(topology.Accounts, app, sys)
	n := start(t, topology, "magnus")
	url := fmt.Sprintf("nats://127.0.0.1:%d", n.conf.node.ClientPort)

	for _, c := range []struct {
		what   string
		login  nats.Option
		enters bool
		system bool // may ask the system account
	}{
		{"a password", nats.UserInfo("bob", "bobbob"), true, false},
		{"a wrong password", nats.UserInfo("bob", "bob"), false, false},
		{"the password of a hash", nats.UserInfo("carol", "carolcarol"), true, false},
		{"the hash itself", nats.UserInfo("carol", carolsHash), false, false},
		{"a user for other listeners", nats.UserInfo("leaf", "leafleaf"), false, false},
		{"a system user with a password", nats.UserInfo("root", "rootroot"), true, true},
		{"a system user with an nkey", nkey(kp), true, true},
		{"an unknown nkey", nkey(stranger), false, false},
		{"nothing", nats.Name("nobody"), false, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			nc, err := nats.Connect(url, c.login)
			if err != nil {
				if c.enters || !errors.Is(err, nats.ErrAuthorization) {
					t.Fatalf("enters: %v; %v", c.enters, err)
				}
				return
			}
			defer nc.Close()
			if !c.enters {
				t.Fatal("it is let in")
			}
			_, err = nc.Request("$SYS.REQ.SERVER.PING", nil, 300*time.Millisecond)
			if (err == nil) != c.system {
				t.Errorf("asks the system account: %v, want %v; %v", err == nil, c.system, err)
			}
		})
	}
}

// TestAccountLimits reaches each limit of an account, and then goes on after it was raised on the running server.
func TestAccountLimits(t *testing.T) {
	stream := func(js jetstream.JetStream, t *testing.T, c jetstream.StreamConfig) error {
		_, err := js.CreateStream(t.Context(), c)
		return err
	}
	consumer := func(js jetstream.JetStream, t *testing.T, name string, pending int) error {
		_, err := js.CreateConsumer(t.Context(), "BASE", jetstream.ConsumerConfig{Durable: name, MaxAckPending: pending})
		return err
	}
	memory, number := jetstream.MemoryStorage, func(n int) *int { return &n }
	bytes := func(n schema.Size) *schema.Size { return &n }
	for name, c := range map[string]struct {
		low, high schema.AccountJetStream
		beyond    func(jetstream.JetStream, *testing.T) error
		code      jetstream.ErrorCode
	}{
		"max_streams": {
			schema.AccountJetStream{MaxStreams: number(1)},
			schema.AccountJetStream{MaxStreams: number(2)},
			func(js jetstream.JetStream, t *testing.T) error {
				return stream(js, t, jetstream.StreamConfig{Name: "MORE"})
			}, 10027,
		},
		"max_consumers": {
			schema.AccountJetStream{MaxConsumers: number(1)},
			schema.AccountJetStream{MaxConsumers: number(2)},
			func(js jetstream.JetStream, t *testing.T) error {
				return errors.Join(consumer(js, t, "first", 1), consumer(js, t, "second", 1))
			}, 10026,
		},
		"max_ack_pending": {
			schema.AccountJetStream{MaxAckPending: number(5)},
			schema.AccountJetStream{MaxAckPending: number(50)},
			func(js jetstream.JetStream, t *testing.T) error { return consumer(js, t, "greedy", 10) }, 10121,
		},
		"max_file_store": {
			schema.AccountJetStream{MaxFileStore: bytes(1 << 20)},
			schema.AccountJetStream{MaxFileStore: bytes(4 << 20)},
			func(js jetstream.JetStream, t *testing.T) error {
				return stream(js, t, jetstream.StreamConfig{Name: "MORE", MaxBytes: 2 << 20})
			}, 10047,
		},
		"max_memory_store": {
			schema.AccountJetStream{MaxMemoryStore: bytes(1 << 20)},
			schema.AccountJetStream{MaxMemoryStore: bytes(4 << 20)},
			func(js jetstream.JetStream, t *testing.T) error {
				return stream(js, t, jetstream.StreamConfig{Name: "MORE", MaxBytes: 2 << 20, Storage: memory})
			}, 10028,
		},
		"disk_max_stream_bytes": {
			schema.AccountJetStream{DiskMaxStreamBytes: bytes(1 << 20)},
			schema.AccountJetStream{DiskMaxStreamBytes: bytes(4 << 20)},
			func(js jetstream.JetStream, t *testing.T) error {
				return stream(js, t, jetstream.StreamConfig{Name: "MORE", MaxBytes: 2 << 20})
			}, 10122,
		},
		"memory_max_stream_bytes": {
			schema.AccountJetStream{MemoryMaxStreamBytes: bytes(1 << 20)},
			schema.AccountJetStream{MemoryMaxStreamBytes: bytes(4 << 20)},
			func(js jetstream.JetStream, t *testing.T) error {
				return stream(js, t, jetstream.StreamConfig{Name: "MORE", MaxBytes: 2 << 20, Storage: memory})
			}, 10122,
		},
		"max_bytes_required": {
			schema.AccountJetStream{MaxBytesRequired: ptr(true)},
			schema.AccountJetStream{MaxBytesRequired: ptr(false)},
			func(js jetstream.JetStream, t *testing.T) error {
				return stream(js, t, jetstream.StreamConfig{Name: "MORE"})
			}, 10113,
		},
	} {
		t.Run(name, func(t *testing.T) {
			topology := loopback(t, nil, "magnus")
			app := member("APP", "bob")
			topology.Accounts = append(topology.Accounts, app)
			app.JetStream = &c.low
			n := start(t, topology, "magnus")
			js, err := jetstream.New(login(t, n, "bob"))
			if err != nil {
				t.Fatal(err)
			}
			if err := stream(js, t, jetstream.StreamConfig{Name: "BASE", MaxBytes: 1 << 10}); err != nil {
				t.Fatal(err)
			}
			var refused *jetstream.APIError
			if err := c.beyond(js, t); !errors.As(err, &refused) || refused.ErrorCode != c.code {
				t.Errorf("beyond the limit: %v, want code %d", err, c.code)
			}
			raised := *topology
			more := *app
			more.JetStream = &c.high
			raised.Accounts = []*schema.Account{topology.Accounts[0], &more}
			conf, err := NewConf(&raised, "magnus", n.id)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Reload(conf); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() error { return c.beyond(js, t) })
		})
	}
}

func ptr[T any](v T) *T { return &v }
