package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"unibus/internal/hclconf"
	"unibus/internal/node"
)

// file is a unibus file as it was read, before anybody knows what it means.
type file struct {
	name string
	text []byte
}

// places are where the file is looked for when nobody says.
var places = []string{"unibus.hcl", "/etc/unibus/unibus.hcl"}

// open reads the named file, "-" for standard input, or the one that is found.
func (a *app) open(name string) (file, error) {
	if name == "-" {
		text, err := read(a.stdin)
		if err != nil {
			return file{}, &exit{code: exitNoInput, err: fmt.Errorf("read standard input: %w", err)}
		}
		return file{"<stdin>", text}, nil
	}
	if name == "" {
		var err error
		if name, err = a.place(); err != nil {
			return file{}, err
		}
	}
	f, err := os.Open(name)
	var text []byte
	if err == nil {
		defer f.Close()
		text, err = read(f)
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return file{}, &exit{code: exitPermission, err: err, try: "let the user that runs unibus read it, and its directory: chown unibus: " + name}
	case err != nil:
		return file{}, &exit{code: exitNoInput, err: err}
	}
	return file{name, text}, nil
}

// place is the file of this host: the named one, or the one that is found.
func (a *app) place() (string, error) {
	if a.config != "" {
		return a.config, nil
	}
	i := slices.IndexFunc(places, func(p string) bool { _, err := os.Stat(p); return err == nil })
	if i < 0 {
		return "", &exit{
			code: exitNoInput, err: errors.New("there is no file: neither ./unibus.hcl nor /etc/unibus/unibus.hcl"),
			try: "name one, with --config FILE or UNIBUS_CONFIG",
		}
	}
	return places[i], nil
}

// openOwn reads the file of this host, which has to be a regular one: a pipe could block for ever. A file that cannot be
// read still has its name, where there is one.
func (a *app) openOwn() (file, error) {
	name, err := a.place()
	if err != nil {
		return file{}, err
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return file{name: name}, &exit{
			code: exitNoInput, err: fmt.Errorf("%s is not a regular file", name), try: "put the file itself there, or a link to it",
		}
	}
	f, err := a.open(name)
	f.name = name
	return f, err
}

// read reads one byte more than a file may have, which is then refused for its size, so that an endless one ends.
func read(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, hclconf.MaxFile+1)) }

// load reads what a file means. With mistakes it writes them to stderr and fails with the given status, or with the one
// for permissions where that is what is missing.
func (a *app) load(f file, host hclconf.Host, code int) (*hclconf.Config, error) {
	c := node.Load(f.name, f.text, host)
	if c.Topology != nil {
		return c, nil
	}
	return c, a.refuse(c, code, c.Diagnostics...)
}

// refuse writes diagnostics to stderr and is the error to end with.
func (a *app) refuse(c *hclconf.Config, code int, ds ...hclconf.Diagnostic) error {
	if a.records != nil {
		a.record(ds)
	} else if err := c.WriteText(a.stderr, ds, a.style(a.stderr)); err != nil {
		return err
	}
	if len(ds) > 1 && a.records == nil {
		fmt.Fprintf(a.stderr, "%s: %s\n", c.Name, hclconf.Diagnostics(ds).Summary())
	}
	if slices.ContainsFunc(ds, func(d hclconf.Diagnostic) bool { return d.Code.Denied() }) && code == exitConfig {
		code = exitPermission
	}
	return &exit{code: code}
}

func (a *app) style(w io.Writer) hclconf.Style {
	if a.colored(w) {
		return hclconf.ANSI
	}
	return hclconf.Style{}
}

// self is the node that this host is, or that --node names.
func (a *app) self(c *hclconf.Config, code int) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	n, d := c.Self(a.node, host)
	if d != nil {
		return "", a.refuse(c, code, *d)
	}
	return n.Name, nil
}
