package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"unibus/config/schema"
	"unibus/internal/hclconf"
)

// natsContext is a context of the nats command, as far as unibus writes one: ADR-21 of NATS, natscontext/context.go of
// jsm.go v0.5.1. What it refers to by path is not copied.
type natsContext struct {
	Description string `json:"description"`
	URL         string `json:"url"`
	User        string `json:"user,omitempty"`
	Password    string `json:"password,omitempty"`
	NKey        string `json:"nkey,omitempty"`
	Cert        string `json:"cert,omitempty"`
	Key         string `json:"key,omitempty"`
	CA          string `json:"ca,omitempty"`
	Domain      string `json:"jetstream_domain,omitempty"`

	name string // of the context
	note string // what the operator still has to do
}

// ours is how the description of a context begins that unibus has written and may write again.
const ours = "unibus: "

// contexts are what the flags of the command say.
type contexts struct {
	app                   *app
	config                *hclconf.Config
	dir                   string // of the unibus file
	users                 []string
	seeds                 map[string]string
	cert, key, ca         string
	passwords, force, dry bool
	all                   []natsContext
	skipped               []string
}

func (a *app) contextCommand() *cobra.Command {
	c := &contexts{app: a}
	cmd := &cobra.Command{
		Use:   "context [USER]...",
		Short: "Write contexts of the nats command for the users of the file",
		Long: `Write a context of the nats command (natscli) for each user of each cluster, applications' users and those of $SYS alike,
so that "nats --context CLUSTER-USER" reaches every node. With USER, only for those.

Secrets stay where they are: the seed of a user with an nkey is found at users/NAME.nk beside the file, where "unibus
init" puts it, or named with --nkey, and the context refers to it. A password is not written unless --passwords asks for
it; the nats command takes it from NATS_PASSWORD.

They go to $XDG_CONFIG_HOME/nats/context, or ~/.config/nats/context. One that somebody else has written is not
overwritten without --force; then nothing is written at all.

Exit status: 0 written, 1 not, 64 usage, 66 no file, 77 no permission, 78 a secret that is to be written is not here.`,
		RunE: func(_ *cobra.Command, args []string) error {
			c.users = args
			return c.run()
		},
	}
	f := cmd.Flags()
	f.BoolVar(&c.dry, "dry-run", false, "print what would be written, without passwords")
	f.BoolVar(&c.force, "force", false, "overwrite contexts that unibus has not written")
	f.BoolVar(&c.passwords, "passwords", false, "write passwords into the contexts, which only you may read")
	f.StringToStringVar(&c.seeds, "nkey", nil, "USER=FILE: where the seed of a user is")
	f.StringVar(&c.ca, "ca", "", "the authority to trust, instead of ca_file")
	f.StringVar(&c.cert, "cert", "", "a client certificate, where nodes ask for one")
	f.StringVar(&c.key, "key", "", "its key")
	return cmd
}

func (c *contexts) run() error {
	f, err := c.app.open("")
	if err != nil {
		return err
	}
	if c.config, err = c.load(f); err != nil {
		return err
	}
	c.dir = filepath.Dir(f.name)
	if err := c.make(); err != nil {
		return err
	}
	dir, err := contextDir()
	if err != nil {
		return &exit{code: exitInvalid, err: err}
	}
	if c.dry {
		return c.print(dir)
	}
	return c.write(dir)
}

// load reads the file, with the values of its secrets only where they are to be written.
func (c *contexts) load(f file) (*hclconf.Config, error) {
	config, err := c.app.load(f, hclconf.Host{}, exitInvalid)
	if err != nil || !c.passwords || c.dry {
		return config, err
	}
	self, err := c.app.self(config, exitConfig)
	if err != nil {
		return nil, err
	}
	return c.app.load(f, hclconf.ThisHost(self), exitConfig)
}

// make makes a context for each user of each cluster.
func (c *contexts) make() error {
	var known []string
	for _, account := range c.config.Topology.Accounts {
		for _, u := range account.Users {
			known = append(known, u.Name)
		}
	}
	for _, name := range slices.Concat(c.users, keysOf(c.seeds)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("the file has no user %q; it has %s", name, strings.Join(known, ", "))
		}
	}
	if (c.cert == "") != (c.key == "") {
		return errors.New("--cert and --key go together")
	}
	for _, cluster := range c.config.Topology.Clusters {
		for _, account := range c.config.Topology.Accounts {
			for _, u := range account.Users {
				if len(c.users) > 0 && !slices.Contains(c.users, u.Name) || !overTCP(u) {
					continue
				}
				if err := c.add(cluster, account, u); err != nil {
					return &exit{code: exitInvalid, err: err}
				}
			}
		}
	}
	if len(c.all) == 0 {
		return &exit{code: exitInvalid, err: fmt.Errorf("there is nothing to write: %s", nothing(c.skipped)), try: "unibus context --nkey USER=FILE"}
	}
	return nil
}

func nothing(skipped []string) string {
	if len(skipped) == 0 {
		return "the file has no user"
	}
	return strings.Join(skipped, "; ")
}

func keysOf(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// overTCP tells whether the nats command can log in as a user.
func overTCP(u *schema.User) bool {
	return len(u.ConnectionTypes) == 0 || slices.Contains(u.ConnectionTypes, "STANDARD")
}

func (c *contexts) add(cluster *schema.Cluster, account *schema.Account, u *schema.User) error {
	x := natsContext{
		name:        cluster.Name + "-" + u.Name,
		Description: fmt.Sprintf("%suser %s of account %s in cluster %s", ours, u.Name, account.Name, cluster.Name),
		Cert:        c.cert, Key: c.key,
	}
	if strings.ContainsAny(x.name, `/\`) || strings.Contains(x.name, "..") {
		c.skipped = append(c.skipped, fmt.Sprintf("%s cannot be the name of a context", x.name))
		return nil
	}
	if slices.ContainsFunc(c.all, func(o natsContext) bool { return o.name == x.name }) {
		x.name = cluster.Name + "-" + account.Name + "-" + u.Name
	}
	c.reach(&x, cluster, account)
	seed, err := c.seed(u)
	switch {
	case err != nil:
		return err
	case u.NKey == "":
		c.login(&x, u)
	case seed == "":
		c.skipped = append(c.skipped, fmt.Sprintf("the seed of user %s is not here: --nkey %s=FILE", u.Name, u.Name))
		return nil
	default:
		x.NKey = seed
	}
	for _, path := range []*string{&x.NKey, &x.Cert, &x.Key, &x.CA} {
		if *path != "" {
			if *path, err = filepath.Abs(*path); err != nil {
				return err
			}
		}
	}
	c.all = append(c.all, x)
	return nil
}

// reach fills in where the nodes are, and whom to trust.
func (c *contexts) reach(x *natsContext, cluster *schema.Cluster, account *schema.Account) {
	var urls []string
	for _, n := range cluster.Nodes {
		scheme := "nats://"
		if n.TLS != nil {
			scheme = "tls://"
			if x.CA == "" {
				x.CA = c.authority(n.TLS)
			}
			if n.TLS.ClientVerify && c.cert == "" {
				x.note = "the nodes ask for a certificate: --cert FILE --key FILE"
			}
		}
		urls = append(urls, scheme+net.JoinHostPort(n.Address, strconv.Itoa(n.ClientPort)))
		if account.Name != schema.SystemAccount {
			x.Domain = n.JetStream.Domain
		}
	}
	x.URL = strings.Join(urls, ",")
}

// authority is the file of the authority: that of the flag, of the nodes, or of the directory that unibus pki has made,
// whichever is here.
func (c *contexts) authority(t *schema.TLS) string {
	made := filepath.Join(c.dir, "pki", "ca.pem")
	switch {
	case c.ca != "":
		return c.ca
	case !exists(t.CAFile) && exists(made):
		return made
	}
	return t.CAFile
}

// seed is the file with the seed of a user, or "" where it is not known. One that belongs to somebody else is an error.
func (c *contexts) seed(u *schema.User) (string, error) {
	name, named := c.seeds[u.Name]
	if !named {
		name = filepath.Join(c.dir, "users", u.Name+".nk")
		if u.NKey == "" || !exists(name) {
			return "", nil
		}
	}
	if u.NKey == "" {
		return "", fmt.Errorf("user %s has a password and no nkey", u.Name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	kp, err := nkeys.ParseDecoratedNKey(b)
	if err != nil {
		return "", fmt.Errorf("%s holds no seed of an nkey", name)
	}
	defer kp.Wipe()
	if public, err := kp.PublicKey(); err != nil || public != u.NKey {
		return "", fmt.Errorf("the seed in %s is not that of user %s, whose nkey is %s", name, u.Name, u.NKey)
	}
	return name, nil
}

// login fills in a user with a password.
func (c *contexts) login(x *natsContext, u *schema.User) {
	x.User = u.Name
	switch {
	case c.passwords && c.dry:
		x.Password = schema.Redacted
	case c.passwords && strings.HasPrefix(u.Password.Reveal(), "$2"):
		x.note = "the file has only a hash of the password: NATS_PASSWORD"
	case c.passwords:
		x.Password = u.Password.Reveal()
	default:
		x.note = "the password comes from NATS_PASSWORD, or --passwords writes it"
	}
}

// contextDir is where the nats command keeps its contexts.
func contextDir() (string, error) {
	base := os.Getenv("XDG_CONFIG_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "nats", "context"), nil
}

func (c *contexts) print(dir string) error {
	for _, x := range c.all {
		b, err := x.text()
		if err != nil {
			return err
		}
		fmt.Fprintf(c.app.stdout, "%s\n%s", filepath.Join(dir, x.name+".json"), b)
	}
	c.notes()
	return nil
}

func (x natsContext) text() ([]byte, error) {
	b, err := json.MarshalIndent(x, "", "  ")
	return append(b, '\n'), err
}

// write writes all contexts, or none where one of them is somebody else's.
func (c *contexts) write(dir string) error {
	for _, x := range c.all {
		path := filepath.Join(dir, x.name+".json")
		if owned, err := isOurs(path); err != nil {
			return denied(err)
		} else if !owned && !c.force {
			return &exit{code: exitInvalid, err: fmt.Errorf("%s was not written by unibus; nothing was written", path), try: "unibus context --force, or name the users: unibus context USER"}
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return denied(err)
	}
	for _, x := range c.all {
		b, err := x.text()
		if err != nil {
			return err
		}
		path := filepath.Join(dir, x.name+".json")
		old, _ := os.ReadFile(path)
		if bytes.Equal(old, b) {
			fmt.Fprintf(c.app.stdout, "%s is as it should be\n", path)
			continue
		}
		if err := maybe.WriteFile(path, b, 0o600); err != nil {
			return denied(err)
		}
		fmt.Fprintf(c.app.stdout, "wrote %s\n", path)
	}
	c.notes()
	return nil
}

// isOurs tells whether a context may be written: there is none, or unibus has written it.
func isOurs(path string) (bool, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	var x natsContext
	return err == nil && json.Unmarshal(b, &x) == nil && strings.HasPrefix(x.Description, ours), err
}

// notes says what is still missing.
func (c *contexts) notes() {
	for _, x := range c.all {
		if x.note != "" {
			fmt.Fprintf(c.app.stderr, "%s: %s\n", x.name, x.note)
		}
	}
	for _, s := range c.skipped {
		fmt.Fprintf(c.app.stderr, "left out: %s\n", s)
	}
}

func denied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &exit{code: exitPermission, err: err}
	}
	return &exit{code: exitInvalid, err: err}
}
