package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

const superNotes = "" +
	"Seven processes with empty stores on one disk: two clusters of three and an arbiter, linked by gateways. From exec to the\n" +
	"stream ORDERS with three current replicas in west, asked for through east every 5 ms. The stock servers run the nats.conf that\n" +
	"`unibus render` prints, in which every node has every gateway, and the tight script of the cold start creates the stream\n" +
	"through east. Nearly all of it is the first election: nats-server asks for votes once, 0.1 to 0.8 s after its start, and\n" +
	"again only after 4 to 9 s. Without its own delay of a second before it dials other clusters, the votes may come in the first round."

// superNodes are the nodes of the supercluster by cluster.
var superNodes = []struct {
	cluster string
	nodes   []string
}{{"east", []string{"east1", "east2", "east3"}}, {"west", []string{"west1", "west2", "west3"}}, {"arbiter", []string{"arbiter"}}}

const superStream = "ORDERS"

func measureSuper(ctx context.Context, r *rig, s scale) ([]row, error) {
	var all [2][]begun
	for i := range s.supers {
		for j, k := range []kind{ours, stock} {
			b, err := r.superStart(ctx, k)
			if err != nil {
				return nil, err
			}
			all[j] = append(all[j], b)
		}
		r.say("supercluster %d of %d: unibus %.0f ms, stock %.0f ms", i+1, s.supers, all[0][i].current, all[1][i].current)
	}
	var formed, current [2][]float64
	for j := range all {
		for _, b := range all[j] {
			formed[j], current[j] = append(formed[j], b.formed), append(current[j], b.current)
		}
	}
	return []row{
		compare("seven nodes, to ORDERS current", " ms", current[0], current[1], nil, atMost(1)),
		compare("… until JetStream answers", " ms", formed[0], formed[1], nil, limit{}),
	}, nil
}

// superStart starts seven processes and waits for the stream.
func (r *rig) superStart(ctx context.Context, k kind) (b begun, err error) {
	c, err := r.newSuper(ctx, k)
	if err != nil {
		return begun{}, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	begin := time.Now()
	if err := c.start(); err != nil {
		return begun{}, err
	}
	scripted := make(chan error, 1)
	go func() { scripted <- c.createOrders(ctx) }()
	formed, err := c.awaitOrders(ctx)
	if err != nil {
		cancel()
	}
	b = begun{formed: milliseconds(formed.Sub(begin)), current: milliseconds(time.Since(begin))}
	return b, errors.Join(err, <-scripted)
}

// newSuper prepares everything that a start is not to be charged with.
func (r *rig) newSuper(ctx context.Context, k kind) (*cluster, error) {
	r.clusters++
	c := &cluster{kind: k, dir: filepath.Join(r.dir, fmt.Sprintf("cluster-%d", r.clusters))}
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if c.login, err = nkeys.CreateUser(); err != nil {
		return nil, err
	}
	if err := c.writeSuper(); err != nil {
		return nil, err
	}
	for _, cl := range superNodes {
		for _, name := range cl.nodes {
			args := []string{r.unibus, "run", "--config", c.file, "--node", name}
			if k == stock {
				conf := filepath.Join(c.dir, name+".conf")
				text, err := output(exec.CommandContext(ctx, r.unibus, "render", "--reveal", "--config", c.file, "--node", name))
				if err != nil {
					return nil, err
				}
				if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
					return nil, err
				}
				args = []string{r.stock, "-c", conf}
			}
			c.argv = append(c.argv, args)
		}
	}
	return c, nil
}

// writeSuper writes the topology file.
func (c *cluster) writeSuper() error {
	user, err := c.login.PublicKey()
	if err != nil {
		return err
	}
	ports, err := freePorts(4 * 7)
	if err != nil {
		return err
	}
	secret := filepath.Join(c.dir, "gateway")
	if err := os.WriteFile(secret, []byte("bench"), 0o600); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "supercluster \"bench\" {\njetstream { store_dir = %q }\n", filepath.Join(c.dir, "store"))
	fmt.Fprintf(&b, "secrets { gateway = file(%q) }\ngateways {\n user = \"gateway\"\n password = secret.gateway\n}\n", secret)
	for _, cl := range superNodes {
		fmt.Fprintf(&b, "cluster %q {\n", cl.cluster)
		for _, name := range cl.nodes {
			p := ports[:4]
			ports = ports[4:]
			fmt.Fprintf(&b, "node %q {\n address = \"127.0.0.1\"\n listen = \"127.0.0.1\"\n arbiter = %t\n", name, name == "arbiter")
			fmt.Fprintf(&b, " client_port = %d\n cluster_port = %d\n gateway_port = %d\n monitor { port = %d }\n}\n", p[0], p[1], p[2], p[3])
			c.urls = append(c.urls, fmt.Sprintf("nats://127.0.0.1:%d", p[0]))
		}
		b.WriteString("}\n")
	}
	fmt.Fprintf(&b, "user \"bench\" { nkey = %q }\n", user)
	fmt.Fprintf(&b, "stream %q {\n subjects = [\"orders.*\"]\n replicas = 3\n placement { cluster = \"west\" }\n}\n}\n", superStream)
	c.file = filepath.Join(c.dir, "bench.hcl")
	return os.WriteFile(c.file, []byte(b.String()), 0o600)
}

// createOrders is the tight script: stock servers get their stream from it.
func (c *cluster) createOrders(ctx context.Context) error {
	if c.kind != stock {
		return nil
	}
	nc, err := c.connect(ctx, 0)
	if err != nil {
		return err
	}
	defer nc.Close()
	for {
		if err = addOrders(ctx, nc); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("create stream %q: %w", superStream, err)
		case <-time.After(tight.pause):
		}
	}
}

func addOrders(ctx context.Context, nc *nats.Conn) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tight.timeout)
	defer cancel()
	_, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name: superStream, Subjects: []string{"orders.*"}, Replicas: 3, Placement: &jetstream.Placement{Cluster: "west"},
	})
	return err
}

// awaitOrders returns when the stream has three current replicas, and says when JetStream has answered first.
func (c *cluster) awaitOrders(ctx context.Context) (formed time.Time, err error) {
	nc, err := c.connect(ctx, 0)
	if err != nil {
		return formed, err
	}
	defer nc.Close()
	if err := ask(ctx, nc, "$JS.API.INFO", answered); err != nil {
		return formed, fmt.Errorf("JetStream: %w", err)
	}
	formed = time.Now()
	isCurrent := func(reply []byte) bool { return current(reply, superStream) }
	if err := ask(ctx, nc, "$JS.API.STREAM.INFO."+superStream, isCurrent); err != nil {
		return formed, fmt.Errorf("stream %q: %w", superStream, err)
	}
	return formed, nil
}
