//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"unibus/internal/api"
	"unibus/internal/netlab"
)

// TestReadme does what the README says, from an empty directory to a client that is logged in: the very commands of its
// section "From nothing to three hosts", and nothing else. The hosts are namespaces with an /etc and a /var/lib of their
// own. What carries commands and files to them is this test; what runs there, and the client, are real.
func TestReadme(t *testing.T) {
	t.Parallel()
	commands := readmeCommands(t, "From nothing to three hosts")
	if n := len(commands); n > 8 {
		t.Errorf("the README needs %d commands, more than 8", n)
	}
	o := newOperator(t)
	for _, c := range commands {
		o.do(c)
	}

	for _, c := range commands[1:] {
		if !strings.Contains(o.said, "\n  "+c+"\n") {
			t.Errorf("unibus init does not say %s", c)
		}
	}
	o.healthy(nodeNames...)
	if got := o.get("homer", "hello"); got != "world" {
		t.Errorf("homer has %q under the key hello", got)
	}
	o.noSecrets()
}

// readmeCommands are the commands of the first sh block of a section.
func readmeCommands(t *testing.T, title string) []string {
	t.Helper()
	block := fenced(t, section(t, "../../README.md", title), "sh")
	block = regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(block, " ")
	var all []string
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(line, " #")
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// operator is somebody with an empty directory and three hosts.
type operator struct {
	*lab
	home string            // the directory
	said string            // what unibus has printed
	etc  map[string]string // of a host, by its address and its name
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	l := &lab{t: t, net: netlab.New(t), dir: t.TempDir(), hosts: map[string]*netlab.Host{}}
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip(err)
	}
	o := &operator{lab: l, home: l.path("home"), etc: map[string]string{}}
	l.trusts = filepath.Join(o.home, "pki/ca.pem")
	for _, name := range nodeNames {
		o.addHost(name, nodeAddrs[name])
	}
	l.laptop = l.net.Host("laptop", "192.0.2.200")
	mkdir(t, o.home)
	return o
}

// addHost plugs in a host on which unibus is installed, and nothing else.
func (o *operator) addHost(name, addr string) {
	o.t.Helper()
	o.hosts[name] = o.net.Host(name, addr)
	mkdir(o.t, o.path(name+"/etc/unibus"), o.path(name+"/var/lib/unibus"), o.path(name+"/bin"))
	o.etc[addr] = o.path(name + "/etc/unibus")
	o.etc[name] = o.etc[addr]
}

func mkdir(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// do carries out one command.
func (o *operator) do(command string) {
	o.t.Helper()
	args := strings.Fields(command)
	var err error
	switch args[0] {
	case "unibus":
		err = o.unibus(args[1:])
	case "rsync":
		err = o.rsync(args[1:])
	case "ssh":
		err = o.ssh(args[1:])
	case "nats":
		eventually(o.t, func() error { return o.nats(args[1:]) })
	default:
		err = errors.New("unknown command")
	}
	if err != nil {
		o.t.Fatalf("%s: %v", command, err)
	}
}

func (o *operator) unibus(args []string) error {
	cmd := exec.Command("unibus", args...)
	cmd.Dir = o.home
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	o.said += string(out)
	if err != nil {
		return fmt.Errorf("%w: %s", err, stderr.String())
	}
	return nil
}

// rsync copies files and directories to a host: rsync -a --chown=unibus:unibus SOURCE… root@ADDRESS:/etc/unibus/
func (o *operator) rsync(args []string) error {
	if len(args) < 4 || args[0] != "-a" || args[1] != "--chown=unibus:unibus" {
		return errors.New("not as the test knows it")
	}
	to := o.etc[strings.TrimSuffix(strings.TrimPrefix(args[len(args)-1], "root@"), ":/etc/unibus/")]
	if to == "" {
		return errors.New("no such host")
	}
	for _, from := range args[2 : len(args)-1] {
		if out, err := exec.Command("cp", "-a", filepath.Join(o.home, from)+map[bool]string{true: "/."}[strings.HasSuffix(from, "/")], to).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	return nil
}

// ssh starts the service on a host.
func (o *operator) ssh(args []string) error {
	address, asRoot := strings.CutPrefix(args[0], "root@")
	if o.etc[address] == "" || !asRoot {
		return errors.New("no such host")
	}
	if !slices.Equal(args[1:], strings.Fields("systemctl enable --now unibus")) {
		return errors.New("not as the test knows it")
	}
	for _, name := range nodeNames {
		if nodeAddrs[name] == address {
			o.startCommand(o.hosts[name], name, o.within(name, o.service()...)...)
		}
	}
	return nil
}

// service is the command that systemd starts, with its environment, as the packaged unit says.
func (o *operator) service() []string {
	o.t.Helper()
	unit, err := os.ReadFile("../../packaging/unibus.service")
	if err != nil {
		o.t.Fatal(err)
	}
	environment := regexp.MustCompile(`(?m)^Environment=(\S+)$`).FindSubmatch(unit)
	command := regexp.MustCompile(`(?m)^ExecStart=/usr/bin/(.+)$`).FindSubmatch(unit)
	if environment == nil || command == nil {
		o.t.Fatal("the unit has no Environment= or no ExecStart=/usr/bin/…")
	}
	return append([]string{"env", string(environment[1])}, strings.Fields(string(command[1]))...)
}

// within is a command with the /etc and /var/lib of a host, and the binary that is installed there.
func (o *operator) within(host string, args ...string) []string {
	const script = `mount --bind "$0/etc" /etc && mount --bind "$0/var/lib" /var/lib && cd / && PATH="$0/bin:$PATH" exec "$@"`
	return append([]string{"unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, o.path(host)}, args...)
}

// nats is the client: nats --server URL --tlsca FILE --nkey FILE kv put BUCKET KEY VALUE
func (o *operator) nats(args []string) error {
	f := flag.NewFlagSet("nats", flag.ContinueOnError)
	server, ca, seed := f.String("server", "", ""), f.String("tlsca", "", ""), f.String("nkey", "", "")
	if err := f.Parse(args); err != nil {
		return err
	}
	rest := f.Args()
	if len(rest) != 5 || rest[0] != "kv" || rest[1] != "put" {
		return fmt.Errorf("not as the test knows it: %q", rest)
	}
	return o.bucket(*server, *ca, *seed, rest[2], func(ctx context.Context, kv jetstream.KeyValue) error {
		_, err := kv.Put(ctx, rest[3], []byte(rest[4]))
		return err
	})
}

// bucket uses a bucket from the laptop.
func (o *operator) bucket(url, ca, seed, name string, use func(context.Context, jetstream.KeyValue) error) error {
	login, err := nats.NkeyOptionFromSeed(filepath.Join(o.home, seed))
	if err != nil {
		return err
	}
	nc, err := nats.Connect(url, login, nats.RootCAs(filepath.Join(o.home, ca)), nats.SetCustomDialer(o.laptop))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(o.t.Context(), 5*time.Second)
	defer cancel()
	kv, err := js.KeyValue(ctx, name)
	if err != nil {
		return err
	}
	return use(ctx, kv)
}

// get reads a key by way of another node.
func (o *operator) get(node, key string) (value string) {
	o.t.Helper()
	eventually(o.t, func() error {
		return o.bucket("tls://"+nodeAddrs[node]+":4222", "pki/ca.pem", "users/alice.nk", "UNIBUS_rooms", func(ctx context.Context, kv jetstream.KeyValue) error {
			e, err := kv.Get(ctx, key)
			if err == nil {
				value = string(e.Value())
			}
			return err
		})
	})
	return value
}

// status is what `unibus status` says on a host.
func (o *operator) status(host string) (s api.Status, err error) {
	args := o.within(host, "unibus", "status", "-o", "json")
	ctx, cancel := context.WithTimeout(o.t.Context(), 10*time.Second)
	defer cancel()
	out, err := o.hosts[host].Command(ctx, args[0], args[1:]...).Output()
	if err != nil {
		return s, fmt.Errorf("unibus status on %s: %w", host, err)
	}
	return s, json.Unmarshal(out, &s)
}

// healthy waits until every host says that everything is as declared, with all routes.
func (o *operator) healthy(names ...string) {
	o.t.Helper()
	for _, host := range names {
		eventually(o.t, func() error {
			s, err := o.status(host)
			if err != nil {
				return err
			}
			if s.Verdict != api.Healthy || len(s.Nodes) != len(names) || len(s.Config.Drifted) > 0 {
				return fmt.Errorf("%s: %s, %d nodes, drifted %v, %v", host, s.Verdict, len(s.Nodes), s.Config.Drifted, s.Problems)
			}
			for _, n := range s.Nodes {
				if n.Routes.Up != len(names)-1 {
					return fmt.Errorf("%s has %d routes", n.Name, n.Routes.Up)
				}
			}
			return nil
		})
	}
}

// noSecrets makes sure that the file which is shared has none, and that nobody else may read those there are.
func (o *operator) noSecrets() {
	o.t.Helper()
	shared, err := os.ReadFile(filepath.Join(o.home, "unibus.hcl"))
	if err != nil {
		o.t.Fatal(err)
	}
	n := 0
	for _, pattern := range []string{"users/*", "pki/*-key.pem", "hosts/*/tls/*-key.pem", "hosts/*/age.key", "operator.key"} {
		names, err := filepath.Glob(filepath.Join(o.home, pattern))
		if err != nil {
			o.t.Fatal(err)
		}
		for _, name := range names {
			n++
			secret, err := os.ReadFile(name)
			if err != nil {
				o.t.Fatal(err)
			}
			for line := range strings.Lines(string(secret)) {
				if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "-----") && strings.Contains(string(shared)+o.said, strings.TrimSpace(line)) {
					o.t.Errorf("%s is in the file or was printed", name)
				}
			}
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
				o.t.Errorf("%s has mode %v, %v", name, info.Mode().Perm(), err)
			}
		}
	}
	if n != 9 { // alice's seed, the authority's key, the operator's, and two for each host
		o.t.Errorf("there are only %d secrets", n)
	}
}
