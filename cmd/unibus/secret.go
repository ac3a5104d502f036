package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/node"
	"unibus/internal/pki"
)

// operatorKey is the operator's age key, beside the file.
const operatorKey = "operator.key"

func (a *app) secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret",
		Short: "Keep secrets in the file, encrypted for its hosts",
		Long: `Keep secrets in the file, encrypted with age (age-encryption.org), so that the file may be shared and kept in git:

  secrets {
    route = age("YWdlLWVuY3J5cHRpb24…")
  }

They are encrypted for every node's age_recipient and for the age_recipients of the operators, which are public keys of
age or SSH. A host decrypts with the key that UNIBUS_AGE_KEY names, else /etc/unibus/age.key, else its SSH host key; whoever
runs these commands with UNIBUS_AGE_KEY, else operator.key beside the file, else as a host does. "unibus validate" needs
no key.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.secretKeygenCommand(), a.secretEncryptCommand(), a.secretEditCommand(), a.secretRotateCommand(), a.secretRekeyCommand())
	return cmd
}

// vault is a file whose secrets are worked on.
type vault struct {
	*hclconf.Config
	recipients []string
}

// vault reads the file without its secrets.
func (a *app) vault() (*vault, error) {
	f, err := a.open("")
	if err != nil {
		return nil, err
	}
	c, err := a.load(f, hclconf.Host{}, exitInvalid)
	if err != nil {
		return nil, err
	}
	v := &vault{c, hclconf.Recipients(c.Topology)}
	if len(v.recipients) == 0 {
		return nil, &exit{
			code: exitInvalid, err: fmt.Errorf("%s: nobody to encrypt for", f.name),
			try: `age_recipient = "age1…" in each node, and age_recipients = ["age1…"] for yourself; unibus secret keygen makes keys`,
		}
	}
	return v, nil
}

// open decrypts with the key of whoever runs the command.
func (v *vault) open(ciphertext string) (string, error) {
	keys := hclconf.AgeKeys()
	if beside := filepath.Join(filepath.Dir(v.Name), operatorKey); os.Getenv("UNIBUS_AGE_KEY") == "" && exists(beside) {
		keys = []string{beside}
	}
	value, err := hclconf.OpenAge("", keys, os.ReadFile)(ciphertext)
	if err != nil {
		err = &exit{code: exitInvalid, err: err, try: "name your key with UNIBUS_AGE_KEY; unibus secret rekey makes secrets readable for further keys"}
	}
	return value, err
}

func (v *vault) seal(value string) (string, error) { return hclconf.SealAge(value, v.recipients) }

// edit is the file to be changed.
func (v *vault) edit() (*hclconf.Edit, error) {
	e, err := hclconf.NewEdit(v.Config)
	if err != nil {
		return nil, &exit{code: exitInvalid, err: err, try: "unibus secret encrypt without a name prints what to write"}
	}
	return e, nil
}

// sealed is what a secret of the file holds.
func (v *vault) sealed(e *hclconf.Edit, name string) (string, error) {
	ciphertext, ok := e.Sealed(name)
	switch {
	case ok:
		return ciphertext, nil
	case e.Has(name):
		return "", &exit{code: exitInvalid, err: fmt.Errorf("%s: secret %q is not encrypted in the file", v.Name, name), try: "change it where it is"}
	}
	return "", &exit{code: exitInvalid, err: fmt.Errorf("%s: there is no secret %q", v.Name, name), try: "unibus secret encrypt " + name}
}

// save writes the file, if it is still right.
func (a *app) save(v *vault, text []byte) error {
	c := node.Load(v.Name, text, hclconf.Host{})
	if c.Topology == nil {
		return a.refuse(c, exitInvalid, c.Diagnostics...)
	}
	if err := replace(v.Name, text); err != nil {
		return &exit{code: exitInvalid, err: err}
	}
	return nil
}

func (a *app) secretKeygenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "keygen FILE",
		Short: "Make an age key, and print the recipient that stands for it",
		Long: `Write a new private key to FILE, mode 0600, and print its public key, which goes into the file: as age_recipient of
the node whose host has the key as /etc/unibus/age.key, or into age_recipients for an operator.

Exit status: 0 made, 1 FILE is there already, 64 usage, 77 no permission.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := pki.Free(args[0]); err != nil {
				return &exit{code: exitInvalid, err: err, try: "another name; a key that is lost takes its secrets along"}
			}
			key, recipient, err := hclconf.NewAgeKey()
			if err != nil {
				return err
			}
			if err := pki.Write(args[0], key, 0o600); err != nil {
				return pkiFailed(err)
			}
			_, err = fmt.Fprintln(a.stdout, recipient)
			return err
		},
	}
}

func (a *app) secretEncryptCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "encrypt [NAME]",
		Short: "Encrypt a value for the hosts of the file, and write it there",
		Long: `Read a value from standard input, or ask for it on a terminal, and encrypt it for everybody whom the file names. With
NAME it becomes that secret of the file; without, it is printed as it is written in a file.

Exit status: 0 done, 1 the file is wrong or names nobody, 64 usage, 66 no file, 77 no permission.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			v, err := a.vault()
			if err != nil {
				return err
			}
			value, err := a.readValue()
			if err != nil {
				return err
			}
			ciphertext, err := v.seal(value)
			if err != nil {
				return &exit{code: exitInvalid, err: err}
			}
			if len(args) == 0 {
				_, err := fmt.Fprintf(a.stdout, "age(%q)\n", ciphertext)
				return err
			}
			e, err := v.edit()
			if err != nil {
				return err
			}
			e.Seal(args[0], ciphertext)
			return a.save(v, e.Bytes())
		},
	}
}

// readValue reads a secret of one line, which a terminal does not show.
func (a *app) readValue() (string, error) {
	var text []byte
	var err error
	if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(a.stderr, "Value: ")
		text, err = term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(a.stderr)
	} else {
		text, err = io.ReadAll(io.LimitReader(a.stdin, 64<<10))
	}
	if err != nil {
		return "", &exit{code: exitInvalid, err: err}
	}
	return oneLine(text)
}

// oneLine is a value without the line break that editors and echo put behind it.
func oneLine(text []byte) (string, error) {
	value := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if value == "" || strings.ContainsAny(value, "\r\n") {
		return "", &exit{code: exitInvalid, err: errors.New("a secret is one line of text, and not empty")}
	}
	return value, nil
}

func (a *app) secretEditCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "edit NAME",
		Short: "Change an encrypted secret in an editor",
		Long: `Decrypt a secret, open it in $VISUAL or $EDITOR, and encrypt what comes back. Without a change nothing is written.

Exit status: 0 done, 1 it cannot be decrypted or the file is wrong, 64 usage, 66 no file, 77 no permission.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := a.vault()
			if err != nil {
				return err
			}
			e, err := v.edit()
			if err != nil {
				return err
			}
			ciphertext, err := v.sealed(e, args[0])
			if err != nil {
				return err
			}
			old, err := v.open(ciphertext)
			if err != nil {
				return err
			}
			value, err := a.inEditor(cmd.Context(), old)
			if err != nil {
				return err
			}
			if value == old {
				a.note("unchanged\n")
				return nil
			}
			if ciphertext, err = v.seal(value); err != nil {
				return &exit{code: exitInvalid, err: err}
			}
			e.Seal(args[0], ciphertext)
			return a.save(v, e.Bytes())
		},
		ValidArgsFunction: first(a.completeSecrets),
	}
}

// inEditor lets somebody change a value, in a directory that nobody else may enter.
func (a *app) inEditor(ctx context.Context, value string) (string, error) {
	dir, err := os.MkdirTemp(os.Getenv("XDG_RUNTIME_DIR"), "unibus")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	name := filepath.Join(dir, "secret")
	if err := os.WriteFile(name, []byte(value+"\n"), 0o600); err != nil {
		return "", err
	}
	editor := "vi"
	for _, v := range []string{"EDITOR", "VISUAL"} {
		if s := os.Getenv(v); s != "" {
			editor = s
		}
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	if err := cmd.Run(); err != nil {
		return "", &exit{code: exitInvalid, err: fmt.Errorf("%s: %w", editor, err)}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", &exit{code: exitInvalid, err: err}
	}
	return oneLine(text)
}

func (a *app) secretRekeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rekey",
		Short: "Encrypt all secrets again, for everybody whom the file names now",
		Long: `Decrypt every secret and encrypt it again for the recipients that the file has now: after a node or an operator was
added or removed. Values stay the same, and so does the digest of the file on its hosts. Who was removed may still have old
copies of the file: rotate the secrets as well.

Exit status: 0 done, 1 a secret cannot be decrypted or the file is wrong, 64 usage, 66 no file, 77 no permission.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v, err := a.vault()
			if err != nil {
				return err
			}
			text, n, err := hclconf.Rekey(v.Text(), func(ciphertext string) (string, error) {
				value, err := v.open(ciphertext)
				if err != nil {
					return "", err
				}
				return v.seal(value)
			})
			if err != nil {
				return &exit{code: exitInvalid, err: fmt.Errorf("%s: %w", v.Name, err)}
			}
			if err := a.save(v, text); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %s, encrypted for %s\n", v.Name, count(n, "secret"), count(len(v.recipients), "key"))
			return err
		},
	}
}

func (a *app) secretRotateCommand() *cobra.Command {
	var status string
	cmd := &cobra.Command{
		Use:   "rotate NAME",
		Short: "Replace the secret between the nodes, in two steps that drop no route",
		Long: `Replace the password of the routes by a new random one. The first call writes the new one, and the old one as
previous_password, which is accepted as well. Ship the file to every host. The second call makes sure that every node runs with
that file, and takes the old one out; ship it again.

It asks the daemon on this host. From elsewhere, hand it what a host says:

  ssh root@HOST unibus status -o json | unibus secret rotate route --status -

Exit status: 0 done, 1 it is no secret of routes or the file is wrong, 64 usage, 66 no file, 69 no daemon answers, 75 not
every node has the file yet, 77 no permission.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := a.vault()
			if err != nil {
				return err
			}
			e, err := v.edit()
			if err != nil {
				return err
			}
			if _, err := v.sealed(e, args[0]); err != nil {
				return err
			}
			if err := rotatable(v, e, args[0]); err != nil {
				return err
			}
			if previous := e.Previous(args[0]); previous != "" {
				return a.secondStep(cmd.Context(), v, e, args[0], previous, status)
			}
			return a.firstStep(v, e, args[0])
		},
		ValidArgsFunction: first(a.completeSecrets),
	}
	cmd.Flags().StringVar(&status, "status", "", "what unibus status -o json said on a host: a file, or - for standard input")
	return cmd
}

// rotatable says why a secret cannot be replaced without harm.
func rotatable(v *vault, e *hclconf.Edit, name string) error {
	switch {
	case e.Uses("encryption", "key", name):
		return &exit{code: exitInvalid, err: fmt.Errorf("%s: secret %q is the key of stores, which cannot be read with another", v.Name, name)}
	case e.Uses("gateways", "password", name):
		return &exit{
			code: exitInvalid, err: fmt.Errorf("%s: gateways accept one password, so there is no way without an interruption", v.Name),
			try: "unibus secret edit " + name + ", and ship the file to all hosts at once",
		}
	case !e.Uses("routes", "password", name):
		return &exit{
			code: exitInvalid, err: fmt.Errorf("%s: secret %q is not the password of routes", v.Name, name),
			try: "unibus secret edit " + name + ", and give the value to whom it is for",
		}
	}
	return nil
}

func (a *app) firstStep(v *vault, e *hclconf.Edit, name string) error {
	previous := name + "_previous"
	if e.Has(previous) {
		return &exit{code: exitInvalid, err: fmt.Errorf("%s: there is a secret %q already", v.Name, previous), try: "take it out"}
	}
	ciphertext, err := v.seal(rand.Text())
	if err != nil {
		return &exit{code: exitInvalid, err: err}
	}
	e.Keep(name, previous)
	e.Seal(name, ciphertext)
	e.AcceptPrevious(name, previous)
	if err := a.save(v, e.Bytes()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s: step 1 of 2: a new password, and the old one is accepted as well\nship the file to every host, then: unibus secret rotate %s\n", v.Name, name)
	return err
}

func (a *app) secondStep(ctx context.Context, v *vault, e *hclconf.Edit, name, previous, from string) error {
	s, err := a.statusFrom(ctx, from)
	if err != nil {
		return err
	}
	if missing := without(v, s); len(missing) > 0 {
		return &exit{
			code: exitLater, err: fmt.Errorf("the old password is still needed: %s", strings.Join(missing, ", ")),
			try: "ship " + v.Name + " to every host, then again",
		}
	}
	e.AcceptPrevious(name, "")
	e.Drop(previous)
	if err := a.save(v, e.Bytes()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s: step 2 of 2: every node has the new password, and the old one is not accepted any more\nship the file to every host\n", v.Name)
	return err
}

// statusFrom is the state of the cluster: as the daemon on this host sees it, or as somebody wrote it down.
func (a *app) statusFrom(ctx context.Context, name string) (s api.Status, err error) {
	if name == "" {
		c, err := a.client()
		if err == nil {
			s, err = c.Status(ctx)
		}
		return s, unanswered(err)
	}
	var text []byte
	if name == "-" {
		text, err = io.ReadAll(a.stdin)
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return s, &exit{code: exitNoInput, err: err}
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&s); err != nil || len(s.Nodes) == 0 {
		return s, &exit{code: exitInvalid, err: errors.New("this is not what `unibus status -o json` says")}
	}
	return s, nil
}

// without are the nodes that do not run with the file, byte for byte.
func without(v *vault, s api.Status) []string {
	has := map[string]string{}
	for _, n := range s.Nodes {
		switch {
		case n.State != api.StateUp:
			has[n.Name] = n.Name + " is " + n.State
		case n.FileHash == nil || *n.FileHash != v.FileHash:
			has[n.Name] = n.Name + " has another file"
		default:
			has[n.Name] = ""
		}
	}
	var missing []string
	for _, n := range v.Topology.Nodes() {
		if why, ok := has[n.Name]; !ok {
			missing = append(missing, n.Name+" is not known there")
		} else if why != "" {
			missing = append(missing, why)
		}
	}
	return missing
}
