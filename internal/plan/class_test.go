package plan_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	rand2 "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"unibus/config/schema"
	"unibus/internal/plan"
	"unibus/internal/server"
)

// everything has each block that a server is told of. $DIR, $CLIENT, $CLUSTER, $GATEWAY and $MONITOR are the test's.
const everything = `supercluster "s" {
  gateways {
    user     = "gateway"
    password = "between clusters"
  }
  cluster "east" {` + east + `  }
  cluster "west" {
    node "w1" { address = "127.0.0.4" }
    node "w2" { address = "127.0.0.5" }
    node "w3" { address = "127.0.0.6" }
  }
` + rest

// single is everything without what only a supercluster has.
const single = `cluster "east" {` + east + rest

const east = `
    routes {
      user     = "route"
      password = "within a cluster"
    }
    node "n1" {
      address = "127.0.0.1"
      listen  = "127.0.0.1"
      tags    = ["az:1"]
    }
    node "n2" { address = "127.0.0.2" }
    node "n3" { address = "127.0.0.3" }
`

const rest = `  insecure     = true
  client_port  = $CLIENT
  cluster_port = $CLUSTER
  gateway_port = $GATEWAY
  tls {
    ca_file   = "$DIR/ca.pem"
    cert_file = "$DIR/cert.pem"
    key_file  = "$DIR/key.pem"
  }
  jetstream {
    store_dir        = "$DIR/store"
    max_file_store   = "1GiB"
    max_memory_store = "1GiB"
    encryption { key = "of the store" }
  }
  monitor { port = $MONITOR }
  account "APP" {
    jetstream {
      max_file_store   = "100MiB"
      max_memory_store = "100MiB"
    }
    export {
      service = "*.asked"
      latency {
        subject  = "latency"
        sampling = 50
      }
    }
    import {
      stream {
        account = "SHOP"
        subject = "b.>"
      }
    }
    import {
      service {
        account = "SHOP"
        subject = "quote"
      }
    }
    user "alice" {
      password = "of alice"
      permissions {
        publish {
          allow = ["a.>"]
          deny  = ["a.b"]
        }
        subscribe {
          allow = ["a.>"]
          deny  = ["a.b"]
        }
      }
    }
    bucket "rooms" {
      placement { cluster = "east" }
    }
  }
  account "SHOP" {
    export { stream = "b.>" }
    export { stream = "orders.>" }
    export { service = "quote" }
    export { service = "orders.>" }
  }
  account "BUS" {
    export { stream = "b.>" }
    export { service = "quote" }
  }
}
`

// changes are how attributes are changed whose example does not do here.
var changes = map[string]func(l *classLab, v reflect.Value){
	"cluster.node.address":                     text("127.0.0.9"),
	"cluster.node.listen":                      text("127.0.0.8"),
	"cluster.node.tls.ca_file":                 certificate("ca.pem"),
	"cluster.node.tls.cert_file":               certificate("cert.pem"),
	"cluster.node.tls.key_file":                certificate("same-key.pem"),
	"cluster.node.jetstream.store_dir":         text("/tmp"),
	"cluster.node.jetstream.encryption.cipher": text("aes"),
	"account.export.latency": func(_ *classLab, v reflect.Value) {
		v.Set(reflect.ValueOf(&schema.Latency{Subject: "elsewhere", Sampling: 10}))
	},
	"account.import": func(_ *classLab, v reflect.Value) {
		more := &schema.Import{Stream: &schema.Imported{Account: "SHOP", Subject: "orders.>"}}
		v.Set(reflect.Append(v, reflect.ValueOf(more)))
	},
	"account.user.connection_types":            words("STANDARD"),
	"account.user.permissions.publish.allow":   words("b.>"),
	"account.user.permissions.publish.deny":    words("b.c"),
	"account.user.permissions.subscribe.allow": words("b.>"),
	"account.user.permissions.subscribe.deny":  words("b.c"),
	"cluster": func(_ *classLab, v reflect.Value) {
		add(v)
		v.Index(v.Len() - 1).Interface().(*schema.Cluster).Nodes[0].Name = "z1"
	},
	"account.bucket.placement": func(_ *classLab, v reflect.Value) {
		v.Set(reflect.ValueOf(&schema.Placement{Cluster: "west"})) // without the block nothing is managed
	},
	"cluster.node": func(_ *classLab, v reflect.Value) {
		add(v)
		v.Index(v.Len() - 1).Interface().(*schema.Node).Address = "127.0.0.77"
	},
}

func text(s string) func(*classLab, reflect.Value) {
	return func(_ *classLab, v reflect.Value) { v.SetString(s) }
}

func words(s ...string) func(*classLab, reflect.Value) {
	return func(_ *classLab, v reflect.Value) { v.Set(reflect.ValueOf(s)) }
}

func certificate(name string) func(*classLab, reflect.Value) {
	return func(l *classLab, v reflect.Value) { v.SetString(filepath.Join(l.dir, "other", name)) }
}

// stricter are what nats-server v2.15.2 would take live, and why it is not.
var stricter = map[string]string{
	"account":                      "an account that comes or goes by a reload loses interest or its JetStream API (nats-server#8560)",
	"account.(label)":              "the same",
	"cluster.node.address":         "only without gateways, which advertise it",
	"cluster.node.monitor.enabled": "internal/node opens the port beside its server, and is not told of it again",
	"cluster.node.monitor.listen":  "the same",
	"cluster.node.monitor.port":    "the same",
	"cluster.routes.compression":   redialled,
	"cluster.routes.pool_size":     redialled,
}

// redialled is measured: a third of the messages between three nodes that got the file together were lost meanwhile.
const redialled = "every route of every node would be closed at once, and dialled again a second later"

// ours are what nats-server is not told of, and who looks at it.
var ours = map[string]string{
	"(label)":                          "status",
	"age_recipients":                   "who encrypts a secret",
	"bootstrap.attempt_timeout":        "internal/bootstrap",
	"bootstrap.timeout":                "internal/bootstrap",
	"cluster.node.age_recipient":       "who encrypts a secret",
	"cluster.node.hostname":            "the start",
	"cluster.node.insecure":            "validate",
	"cluster.node.monitor.token":       "internal/node, with every request",
	"cluster.routes.previous_password": "internal/server, when it is asked to let a route in",
	"restarts":                         "internal/node",
}

// ofAsset matches what internal/bootstrap brings about through the JetStream API.
var ofAsset = regexp.MustCompile(`^account\.(bucket|stream|object_store)\b`)

// single clusters have nothing to do with these.
var onlyBetween = []string{"cluster", "cluster.(label)", "gateways", "gateways.user", "gateways.password", "cluster.node.gateway_port", "(label)"}

// TestClasses changes every attribute and block of the language under a running server. What is of class live it takes,
// what is of class restart it refuses, and what is of class data or belongs to an asset does not concern it. An attribute
// that is new in the language is found by itself.
func TestClasses(t *testing.T) {
	l := &classLab{dir: t.TempDir()}
	l.certificates(t)
	counts := map[string]int{}
	walk(reflect.TypeFor[schema.Topology](), "", nil, func(a attribute) {
		t.Run("supercluster/"+a.name, func(t *testing.T) { l.try(t, a, everything) })
		if !slices.Contains(onlyBetween, a.name) {
			t.Run("cluster/"+a.name, func(t *testing.T) { l.try(t, a, single) })
		}
		counts[a.class]++
	})
	t.Logf("attributes and blocks by class: %v", counts)
}

// attribute is an argument or a block of the language, and the fields that lead to it.
type attribute struct {
	name, class string
	field       reflect.StructField
	path        [][]int
}

func walk(typ reflect.Type, prefix string, path [][]int, visit func(attribute)) {
	for _, f := range reflect.VisibleFields(typ) {
		name, kind, _ := strings.Cut(f.Tag.Get("hcl"), ",")
		if f.Tag.Get("hcl") == "" || kind == "attrs" {
			continue
		}
		a := attribute{prefix + name, f.Tag.Get("change"), f, append(path[:len(path):len(path)], f.Index)}
		if kind == "label" {
			a.name += "(label)"
		}
		if kind != "block" || f.Type.Kind() != reflect.Struct {
			visit(a)
		}
		if kind == "block" {
			inner := f.Type
			for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			walk(inner, a.name+".", a.path, visit)
		}
	}
}

// in is the attribute in a topology. Blocks on the way are made where they are missing; of several it is in the first that
// has the block it is in.
func (a attribute) in(t *schema.Topology) reflect.Value {
	v := reflect.ValueOf(t).Elem()
	for i, index := range a.path {
		if v = v.FieldByIndex(index); i == len(a.path)-1 {
			break
		}
		if v.Kind() == reflect.Slice {
			if v.Len() == 0 {
				v.Set(reflect.Append(v, reflect.New(v.Type().Elem().Elem())))
			}
			v = v.Index(having(v, a.path[i+1]))
		}
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
	}
	return v
}

// having is the first of some blocks that has a block in a field, or simply the first.
func having(blocks reflect.Value, field []int) int {
	for i := range blocks.Len() {
		if f := blocks.Index(i).Elem().FieldByIndex(field); f.Kind() != reflect.Pointer || !f.IsNil() {
			return i
		}
	}
	return 0
}

type classLab struct{ dir string }

func (l *classLab) try(t *testing.T, a attribute, file string) {
	file = l.fill(t, file)
	old, new := load(t, file), load(t, file)
	a.in(old)
	l.change(t, a, a.in(new))
	if _, n := new.Node("n1"); n == nil {
		if a.class != "never" {
			t.Errorf("the node has another name, and that is of class %s", a.class)
		}
		return
	}
	p := plan.Diff(old, new)
	if a.name == "cluster.node.tls" && file[0] == 's' {
		if len(p.Problems) != 1 {
			t.Errorf("TLS is switched off in a supercluster: %+v", p.Problems)
		}
		return
	}
	if got := l.reload(t, old, new); got == unconcerned && a.class == "live" && !ofAsset.MatchString(a.name) && ours[a.name] == "" {
		t.Errorf("of class live, and the server is not told of it")
	} else if a.class == "live" && got == refused || a.class == "data" && got != unconcerned || a.class == "restart" && got != refused && stricter[a.name] == "" {
		t.Errorf("of class %s, and the server has %s it", a.class, got)
	}
	l.planned(t, a, p)
}

// planned compares a plan with the class of the only change in it.
func (l *classLab) planned(t *testing.T, a attribute, p *plan.Plan) {
	class := p.Node("n1").Class
	if class == plan.None && len(p.Assets) > 0 {
		class = p.Assets[len(p.Assets)-1].Class
	}
	switch {
	case a.class == "never" && (len(p.Problems) > 0 || class == plan.Refused):
	case a.class == string(class):
	case strings.HasSuffix(a.name, "(label)") && !p.Empty(): // one goes, one comes
	default:
		t.Errorf("of class %q, and the plan is %q", a.class, class)
	}
}

// change changes a value in any way that makes sense.
func (l *classLab) change(t *testing.T, a attribute, v reflect.Value) {
	t.Helper()
	example := a.field.Tag.Get("example")
	if f := changes[a.name]; f != nil {
		f(l, v)
		return
	}
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Pointer {
		add(v)
		return
	}
	if v.Kind() == reflect.Pointer {
		was := v.Elem()
		v.Set(reflect.New(v.Type().Elem()))
		if strings.Contains(a.field.Tag.Get("hcl"), ",block") {
			if was.IsValid() {
				v.SetZero()
			}
			return
		}
		v = v.Elem()
	}
	switch x := v.Addr().Interface().(type) {
	case *schema.Secret:
		*x = schema.NewSecret("changed")
	case *schema.Size:
		*x = *x*2 + 1<<30
	case *schema.Duration:
		*x = *x*2 + schema.Duration(time.Hour)
	case *int:
		*x++
	case *bool:
		*x = !*x
	case *string:
		for _, s := range append(strings.Fields(a.field.Tag.Get("oneof")), example, example+"x") {
			if s != *x {
				*x = s
				return
			}
		}
	case *[]string:
		*x = strings.Fields(example)
	case *map[string]string:
		*x = map[string]string{"changed": "yes"}
	default:
		t.Fatalf("nobody knows how to change a %s", v.Type())
	}
}

// add adds a block like the last one, with another label.
func add(v reflect.Value) {
	block := reflect.New(v.Type().Elem().Elem())
	if n := v.Len(); n > 0 {
		block.Elem().Set(v.Index(n - 1).Elem())
	}
	if c, ok := block.Interface().(*schema.Cluster); ok {
		n := *c.Nodes[0]
		c.Nodes = []*schema.Node{&n}
	}
	if label := block.Elem().FieldByName("Name"); label.IsValid() {
		label.SetString("added")
	}
	v.Set(reflect.Append(v, block))
}

// What a server does with a change.
const (
	unconcerned = "nothing to do with"
	taken       = "taken"
	refused     = "refused"
)

// TestLivePartIsTaken changes many things at once, again and again, and gives a running server what plan says it can be
// given. It must never refuse.
func TestLivePartIsTaken(t *testing.T) {
	l := &classLab{dir: t.TempDir()}
	l.certificates(t)
	var all []attribute
	walk(reflect.TypeFor[schema.Topology](), "", nil, func(a attribute) { all = append(all, a) })
	for name, file := range map[string]string{"supercluster": everything, "cluster": single} {
		t.Run(name, func(t *testing.T) {
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			random, given := rand2.New(rand2.NewPCG(seed, 0)), 0
			file := l.fill(t, file)
			running := load(t, file)
			id, err := server.NewIdentity()
			if err != nil {
				t.Fatal(err)
			}
			l.serve(t, running, id, func(s *server.Server) {
				for range 50 {
					new := load(t, file)
					var names []string
					for range 1 + random.IntN(10) {
						a := all[random.IntN(len(all))]
						if a.class == "never" || a.name == "cluster.node.tls" && name == "supercluster" || name == "cluster" && slices.Contains(onlyBetween, a.name) {
							continue
						}
						l.change(t, a, a.in(new))
						names = append(names, a.name)
					}
					if whole, err := server.NewConf(new, "n1", id); err != nil || whole.Check() != nil {
						continue // a file that would not come so far
					}
					live := plan.LivePart(running, new, "n1")
					conf, err := server.NewConf(live, "n1", id)
					if err != nil {
						t.Error(err)
						return
					}
					if err := s.Reload(conf); err != nil {
						t.Errorf("after a change of %v: %v", names, err)
						return
					}
					running = live
					given++
				}
			})
			t.Logf("%d changes at once or one after the other, all taken", given)
		})
	}
}

// reload starts a server with one topology and gives it the other.
func (l *classLab) reload(t *testing.T, old, new *schema.Topology) (got string) {
	t.Helper()
	id, err := server.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	before, err := server.NewConf(old, "n1", id)
	if err != nil {
		t.Fatal(err)
	}
	after, err := server.NewConf(new, "n1", id)
	if err != nil {
		t.Logf("refused before: %v", err)
		return refused
	}
	if before.Text() == after.Text() {
		return unconcerned
	}
	l.serve(t, old, id, func(s *server.Server) {
		got = taken
		if err := s.Reload(after); err != nil {
			t.Logf("refused: %.200v", err)
			got = refused
		}
	})
	return got
}

// serve runs a server for as long as f uses it.
func (l *classLab) serve(t *testing.T, topology *schema.Topology, id server.Identity, f func(*server.Server)) {
	t.Helper()
	conf, err := server.NewConf(topology, "n1", id)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, ended := make(chan *server.Server, 1), make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, conf, hclog.NewNullLogger(), func(s *server.Server) { ready <- s })
	}()
	select {
	case s := <-ready:
		f(s)
		s.StopNow()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	case err := <-ended:
		t.Fatal(err)
	}
}

// fill fills in a new store and free ports.
func (l *classLab) fill(t *testing.T, text string) string {
	t.Helper()
	text = strings.NewReplacer("$DIR/store", t.TempDir(), "$DIR", l.dir).Replace(text)
	names := []string{"$CLIENT", "$CLUSTER", "$GATEWAY", "$MONITOR"}
	ports, release, err := server.HoldPorts(len(names))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	for i, name := range names {
		text = strings.ReplaceAll(text, name, fmt.Sprint(ports[i]))
	}
	return text
}

// certificates makes an authority and a certificate twice, and for the first a second copy of its key.
func (l *classLab) certificates(t *testing.T) {
	t.Helper()
	for _, dir := range []string{l.dir, filepath.Join(l.dir, "other")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(serial int64) []byte {
		cert := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: issue(1)}, "cert.pem": {Type: "CERTIFICATE", Bytes: issue(1)}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER},
		"other/ca.pem": {Type: "CERTIFICATE", Bytes: issue(2)}, "other/cert.pem": {Type: "CERTIFICATE", Bytes: issue(2)}, "other/same-key.pem": {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(l.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
