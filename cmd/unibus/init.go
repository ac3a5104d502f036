package main

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"unibus/internal/hclconf"
	"unibus/internal/node"
	"unibus/internal/pki"
)

func (a *app) initCommand() *cobra.Command {
	var nodes, buckets, users []string
	var cluster string
	var days int
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first file, with the certificates, secrets and keys that go with it",
		Long: `Write a first file, and beside it what it needs: an authority (pki), what goes to each host (hosts), and the seeds
of the users' nkeys (users). On a terminal it asks for what no flag says. It ends with one line for each host that copies
what the host needs. Nothing is ever overwritten; --dry-run writes nothing, and prints the file.

The file is ./unibus.hcl, or what --config names. An ADDRESS is what peers and clients dial.

Exit status: 0 written, 1 something is there already or the file would be wrong, 64 usage, 77 no permission.`,
		Example: `  unibus init
  unibus init --cluster prod --node magnus=203.0.113.10 --node homer=198.51.100.20 --node datardos=192.0.2.30 \
    --bucket UNIBUS_rooms:3 --user alice`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			w := &wish{cluster: cluster, life: time.Duration(days) * day}
			for _, add := range []struct {
				values []string
				f      func(string) error
			}{{nodes, w.addNode}, {buckets, w.addBucket}, {users, w.addUser}} {
				for _, v := range add.values {
					if err := add.f(v); err != nil {
						return err
					}
				}
			}
			if err := a.ask(w); err != nil {
				return err
			}
			return a.initialise(w, dryRun)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cluster, "cluster", "", `the name of the cluster (default "unibus")`)
	f.StringArrayVar(&nodes, "node", nil, "NAME=ADDRESS of a node, where NAME is what its host calls itself; can be repeated")
	f.StringArrayVar(&buckets, "bucket", nil, "NAME or NAME:REPLICAS of a key-value bucket; can be repeated")
	f.StringArrayVar(&users, "user", nil, "NAME of a client; can be repeated")
	f.BoolVar(&dryRun, "dry-run", false, "print the file, write nothing")
	daysFlag(cmd, &days, leafDays, "how long the certificates are valid")
	return cmd
}

// wish is what somebody wants a first file to say.
type wish struct {
	cluster string
	nodes   []wishedNode
	buckets []wishedBucket
	users   []string
	life    time.Duration // of certificates
}

type wishedNode struct {
	name, address string
	recipient     string // made here
}

type wishedBucket struct {
	name     string
	replicas int // 0 is the default
}

// plainName is a name that needs no quoting in any syntax that follows from it. The rules of NATS are checked later.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

func (w *wish) addNode(s string) error {
	name, address, _ := strings.Cut(s, "=")
	if !plainName.MatchString(name) || net.ParseIP(address) == nil && !plainName.MatchString(address) {
		return fmt.Errorf("a node is NAME=ADDRESS, such as magnus=203.0.113.10, not %q", s)
	}
	w.nodes = append(w.nodes, wishedNode{name: name, address: address})
	return nil
}

func (w *wish) addBucket(s string) error {
	name, replicas, given := strings.Cut(s, ":")
	n, err := strconv.Atoi(replicas)
	if !plainName.MatchString(name) || given && (err != nil || n < 1) {
		return fmt.Errorf("a bucket is NAME or NAME:REPLICAS, such as rooms:3, not %q", s)
	}
	w.buckets = append(w.buckets, wishedBucket{name, n})
	return nil
}

func (w *wish) addUser(s string) error {
	if !plainName.MatchString(s) {
		return fmt.Errorf("a user is a NAME, such as alice, not %q", s)
	}
	w.users = append(w.users, s)
	return nil
}

// ask asks on a terminal for what no flag said.
func (a *app) ask(w *wish) error {
	if len(w.nodes) > 0 {
		w.cluster = cmp.Or(w.cluster, "unibus")
		return nil
	}
	if f, ok := a.stdin.(*os.File); !ok || !isatty.IsTerminal(f.Fd()) {
		return errors.New("no node: --node NAME=ADDRESS for each, or run it on a terminal to be asked")
	}
	in := bufio.NewScanner(a.stdin)
	if w.cluster == "" {
		fmt.Fprint(a.stderr, "Name of the cluster [unibus]: ")
		if !in.Scan() {
			return unanswerable(in)
		}
		w.cluster = cmp.Or(strings.TrimSpace(in.Text()), "unibus")
	}
	for _, q := range []struct {
		prompt string
		asked  bool
		add    func(string) error
	}{
		{"Node, NAME=ADDRESS", true, w.addNode},
		{"Bucket, NAME or NAME:REPLICAS", len(w.buckets) == 0, w.addBucket},
		{"User", len(w.users) == 0, w.addUser},
	} {
		if !q.asked {
			continue
		}
		if err := a.askMany(in, q.prompt, q.add); err != nil {
			return err
		}
	}
	if len(w.nodes) == 0 {
		return errors.New("no node: nothing to write")
	}
	return nil
}

// askMany asks until the answer is empty. A wrong answer is asked for again.
func (a *app) askMany(in *bufio.Scanner, prompt string, add func(string) error) error {
	for {
		fmt.Fprintf(a.stderr, "%s (empty: no more): ", prompt)
		if !in.Scan() {
			return unanswerable(in)
		}
		answer := strings.TrimSpace(in.Text())
		if answer == "" {
			return nil
		}
		if err := add(answer); err != nil {
			fmt.Fprintf(a.stderr, "  %v\n", err)
		}
	}
}

func unanswerable(in *bufio.Scanner) error {
	return &exit{code: exitInvalid, err: cmp.Or(in.Err(), errors.New("the input ended before the last answer, nothing was written"))}
}

// written is a file to write.
type written struct {
	name string
	text []byte
	mode fs.FileMode
	what string // for people; "" where its directory says it
}

// initialise makes everything in memory, looks whether it is right and nothing of it exists, and only then writes.
func (a *app) initialise(w *wish, dryRun bool) error {
	name := cmp.Or(a.config, "unibus.hcl")
	s := &starter{wish: w, dir: pki.Dir(filepath.Dir(name))}
	text, err := s.make(name)
	if err != nil {
		return err
	}
	c := node.Load(name, text, hclconf.Host{})
	if c.Topology == nil {
		return a.refuse(c, exitInvalid, c.Diagnostics...)
	}
	if err := a.warn(c); err != nil {
		return err
	}
	if dryRun {
		for _, o := range s.outputs {
			fmt.Fprintf(a.stderr, "would write %s\n", o.name)
		}
		_, err := a.stdout.Write(text)
		return err
	}
	if err := s.write(); err != nil {
		return err
	}
	a.next(s)
	return nil
}

// notForGit is what must not get into version control: all of it but the file and the authority's certificate.
const notForGit = `# Private keys. The file itself and pki/ca.pem may be shared.
/hosts/
/operator.key
/pki/ca-key.pem
/users/
`

// starter is what a first file needs, while it is made.
type starter struct {
	*wish
	dir      pki.Dir
	outputs  []written
	operator string // the recipient
	route    string // the secret between the nodes, encrypted
}

func (s *starter) add(name string, text []byte, mode fs.FileMode, what string) {
	s.outputs = append(s.outputs, written{name, text, mode, what})
}

func (s *starter) path(parts ...string) string {
	return filepath.Join(append([]string{string(s.dir)}, parts...)...)
}

// make makes the file and all that goes with it. The file itself is the last to be written.
func (s *starter) make(name string) ([]byte, error) {
	public := map[string]string{} // keys of users
	for _, u := range s.users {
		kp, err := nkeys.CreateUser()
		if err != nil {
			return nil, err
		}
		seed, err := kp.Seed()
		if err != nil {
			return nil, err
		}
		if public[u], err = kp.PublicKey(); err != nil {
			return nil, err
		}
		s.add(s.path("users", u+".nk"), append(seed, '\n'), 0o600, "the seed of user "+u)
	}
	if err := s.secrets(); err != nil {
		return nil, err
	}
	text := s.text(public)
	c := hclconf.Load(name, text, hclconf.Host{})
	if c.Topology != nil { // else the caller says why
		if err := s.certificates(c); err != nil {
			return nil, err
		}
	}
	if ignore := s.path(".gitignore"); !exists(ignore) {
		s.add(ignore, []byte(notForGit), 0o644, "keeps what is secret out of git")
	}
	s.add(name, text, 0o644, "the file; every host gets it")
	return text, nil
}

// secrets makes a key for each host and one for the operator, and the secret between the nodes, encrypted for all.
func (s *starter) secrets() error {
	key, recipient, err := hclconf.NewAgeKey()
	if err != nil {
		return err
	}
	s.operator = recipient
	s.add(s.path(operatorKey), key, 0o600, "your own key to the secrets in the file")
	all := []string{recipient}
	for i := range s.nodes {
		key, recipient, err := hclconf.NewAgeKey()
		if err != nil {
			return err
		}
		s.nodes[i].recipient = recipient
		all = append(all, recipient)
		s.add(s.dir.At(s.nodes[i].name, hclconf.AgeKeyFile), key, 0o600, "")
	}
	s.route, err = hclconf.SealAge(rand.Text(), all)
	return err
}

// certificates makes the authority and the certificates of all nodes.
func (s *starter) certificates(c *hclconf.Config) error {
	k := &keys{config: c}
	ca, err := k.newAuthority(authorityDays)
	if err != nil {
		return err
	}
	key, err := ca.KeyPEM()
	if err != nil {
		return err
	}
	s.add(s.dir.KeyFile(), key, 0o600, "the key of the authority; it signs nodes and belongs to no host")
	s.add(s.dir.CertFile(), ca.CertPEM(), 0o644, "the authority; clients need it")
	for _, n := range c.Topology.Nodes() {
		pair, err := ca.Issue(pki.ForNode(n, s.life), time.Now())
		if err != nil {
			return err
		}
		s.add(s.dir.At(n.Name, n.TLS.CAFile), ca.CertPEM(), 0o644, "")
		s.add(s.dir.At(n.Name, n.TLS.CertFile), pair.Cert, 0o644, "")
		s.add(s.dir.At(n.Name, n.TLS.KeyFile), pair.Key, 0o600, "")
	}
	return nil
}

// write writes everything, or nothing.
func (s *starter) write() (err error) {
	var names []string
	for _, o := range s.outputs {
		names = append(names, o.name)
	}
	if err := pki.Free(names...); err != nil {
		return &exit{code: exitInvalid, err: err, try: "another directory; init overwrites nothing"}
	}
	for i, o := range s.outputs {
		if err := pki.Write(o.name, o.text, o.mode); err != nil {
			for _, done := range names[:i] {
				err = errors.Join(err, os.Remove(done))
			}
			return pkiFailed(err)
		}
	}
	return nil
}

// next says what was written, and what is to be done now.
func (a *app) next(s *starter) {
	w := a.stdout
	fmt.Fprintln(w, "Written:")
	last := len(s.outputs) - 1
	file := s.outputs[last].name
	for _, o := range slices.Concat(s.outputs[last:], s.outputs[:last]) {
		if o.what != "" {
			fmt.Fprintf(w, "  %-20s %s\n", o.name, o.what)
		}
	}
	fmt.Fprintf(w, "  %-20s what goes to each host\n", s.path("hosts"))
	fmt.Fprintln(w, "\nCopy to each host, where unibus is installed:")
	for _, n := range s.nodes {
		fmt.Fprintf(w, "  rsync -a --chown=unibus:unibus %s %s/ root@%s:/etc/unibus/\n", file, s.dir.Host(n.name), bracketed(n.address))
	}
	fmt.Fprintln(w, "\nThen start it there:")
	for _, n := range s.nodes {
		fmt.Fprintf(w, "  ssh root@%s systemctl enable --now unibus\n", n.address)
	}
	if len(s.users) > 0 {
		fmt.Fprintln(w, "\nA client:")
		writeClient(w, s)
	}
}

func writeClient(w io.Writer, s *starter) {
	fmt.Fprintf(w, "  nats --server tls://%s --tlsca %s --nkey %s", net.JoinHostPort(s.nodes[0].address, "4222"), s.dir.CertFile(), s.path("users", s.users[0]+".nk"))
	if len(s.buckets) > 0 {
		fmt.Fprintf(w, " kv put %s hello world\n", s.buckets[0].name)
		return
	}
	fmt.Fprintln(w, " rtt")
}

// bracketed is an address as it stands in front of a colon.
func bracketed(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}
