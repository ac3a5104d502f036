package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/node"
)

func (a *app) importCommand() *cobra.Command {
	var from login
	var secretDir string
	cmd := &cobra.Command{
		Use:   "import [NATS.CONF]...",
		Short: "Write down as HCL what a running cluster or nats.conf files have",
		Long: `Write down what is there, in canonical form, on standard output. What the file has no word for is told on standard
error.

Without arguments: the streams, buckets, object stores and durable consumers of every account of the cluster of the
daemon on this host, as account blocks. Declared, they change nothing: "unibus plan" says so. With --server or --context:
those of one account of any NATS server. The password of --user is in NATS_PASSWORD.

With nats.conf files, one for each node: one file for all of them, with clusters, nodes, certificates, JetStream, accounts,
users and gateways. Secrets are never copied: the file refers to files below --secrets, and the places to copy them from
are told. It is checked as "unibus validate" does; every mistake is something for a person to decide.

Exit status: 0, 1 something cannot be read or the file would have mistakes, 64 usage, 66 no file, 69 nobody answers,
77 no permission.`,
		Example: `  unibus import >> assets.hcl
  unibus import --context production --account APP
  unibus import n1.conf n2.conf n3.conf > unibus.hcl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			remote := from.server != "" || from.context != ""
			switch {
			case remote && len(args) > 0:
				return errors.New("import takes nats.conf files or a server, not both")
			case remote:
				return a.importServer(cmd.Context(), from)
			case len(args) > 0:
				return a.importFiles(args, secretDir)
			}
			return a.importCluster(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&from.server, "server", "", "the URL of a NATS server")
	f.StringVar(&from.context, "context", "", "a context of the nats command, by its name or file")
	f.StringVar(&from.User, "user", "", "user name; the password is in NATS_PASSWORD")
	f.StringVar(&from.Creds, "creds", "", "credentials file")
	f.StringVar(&from.NKey, "nkey", "", "file with the seed of an nkey")
	f.StringVar(&from.CA, "ca", "", "file with the authorities that sign the server's certificate")
	f.StringVar(&from.Cert, "cert", "", "certificate of the client, where the server asks for one")
	f.StringVar(&from.Key, "key", "", "file with the key of --cert")
	cmd.MarkFlagsRequiredTogether("cert", "key")
	f.StringVar(&from.account, "account", schema.DefaultAccount, "name of the account block for --server and --context")
	f.StringVar(&secretDir, "secrets", "/etc/unibus/secrets", "directory of the files that stand in place of secrets")
	return cmd
}

// importCluster writes down the assets of the cluster of the daemon on this host.
func (a *app) importCluster(ctx context.Context) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	all, err := c.Assets(ctx)
	if err != nil {
		return unanswered(err)
	}
	for i, account := range all.Accounts {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		fmt.Fprint(a.stdout, account.HCL)
		a.notes(account.Notes)
	}
	if len(all.Accounts) == 0 {
		a.notes([]string{"there are no assets"})
	}
	return nil
}

// login is how to reach a NATS server; what has a tag is in a context of the nats command.
type login struct {
	server, context, account string

	URL      string `json:"url"`
	User     string `json:"user"`
	Password string `json:"password"`
	Creds    string `json:"creds"`
	NKey     string `json:"nkey"`
	CA       string `json:"ca"`
	Cert     string `json:"cert"`
	Key      string `json:"key"`
}

// importServer writes down the assets of one account of a server.
func (a *app) importServer(ctx context.Context, l login) error {
	if l.context != "" {
		if err := l.readContext(); err != nil {
			return &exit{code: exitNoInput, err: err, try: "nats context ls"}
		}
	}
	options, err := l.options()
	if err != nil {
		return err
	}
	nc, err := nats.Connect(cmp.Or(l.server, l.URL), options...)
	if err != nil {
		return &exit{code: exitNobody, err: err, try: "see whether the URL and the login are right: nats account info"}
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found, err := node.Describe(ctx, js, l.account)
	if err != nil {
		return &exit{code: exitNobody, err: err, try: "the user needs JetStream, and the right to list streams and consumers"}
	}
	fmt.Fprint(a.stdout, found.HCL)
	a.notes(found.Notes)
	return nil
}

// readContext reads a context of the nats command. What flags say goes before it.
func (l *login) readContext() error {
	name := l.context
	if !strings.ContainsRune(name, filepath.Separator) {
		dir, err := os.UserHomeDir()
		if err != nil {
			return err
		}
		name = filepath.Join(cmp.Or(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(dir, ".config")), "nats", "context", name+".json")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	flags := *l
	if err := json.Unmarshal(text, l); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	l.User, l.Creds, l.NKey, l.CA = cmp.Or(flags.User, l.User), cmp.Or(flags.Creds, l.Creds), cmp.Or(flags.NKey, l.NKey), cmp.Or(flags.CA, l.CA)
	l.Cert, l.Key = cmp.Or(flags.Cert, l.Cert), cmp.Or(flags.Key, l.Key)
	return nil
}

func (l *login) options() ([]nats.Option, error) {
	options := []nats.Option{nats.Name("unibus import")}
	for _, name := range []string{l.Creds, l.NKey, l.CA, l.Cert, l.Key} {
		if name == "" {
			continue
		}
		if _, err := os.Stat(name); err != nil { // nats.go would say it after the dialling, if at all
			return nil, &exit{code: exitNoInput, err: fmt.Errorf("%s: %w", name, errors.Unwrap(err))}
		}
	}
	if l.User != "" {
		options = append(options, nats.UserInfo(l.User, cmp.Or(os.Getenv("NATS_PASSWORD"), l.Password)))
	}
	if l.Creds != "" {
		options = append(options, nats.UserCredentials(l.Creds))
	}
	if l.NKey != "" {
		o, err := nats.NkeyOptionFromSeed(l.NKey)
		if err != nil {
			return nil, &exit{code: exitNoInput, err: fmt.Errorf("%s: %w", l.NKey, err)}
		}
		options = append(options, o)
	}
	if l.CA != "" {
		options = append(options, nats.RootCAs(l.CA))
	}
	if l.Cert != "" {
		options = append(options, nats.ClientCert(l.Cert, l.Key))
	}
	return options, nil
}

// importFiles writes down what nats.conf files say, and the mistakes that are left for a person.
func (a *app) importFiles(names []string, secretDir string) error {
	text, notes, err := node.Adopt(names, secretDir)
	if errors.Is(err, fs.ErrNotExist) {
		return &exit{code: exitNoInput, err: err}
	}
	if err != nil {
		return &exit{code: exitInvalid, err: err}
	}
	a.notes(notes)
	fmt.Fprint(a.stdout, string(bytes.TrimLeft(text, "\n")))
	_, err = a.load(file{"<imported>", text}, hclconf.Host{}, exitInvalid)
	return err
}

// notes writes what the file does not say to stderr, a line each.
func (a *app) notes(all []string) {
	for _, n := range all {
		fmt.Fprintf(a.stderr, "note: %s\n", n)
	}
}
