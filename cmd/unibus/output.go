package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"unibus/internal/hclconf"
)

// kind is one form in which validate says what it found.
type kind struct {
	name  string
	alone bool // it is one document, next to which nothing else can stand on stdout
	write func(*app, io.Writer, *report) error
}

var kinds = []kind{
	{"text", false, (*app).writeText},
	{"compact", false, writeCompact},
	{"github", false, writeGitHub},
	{"json", true, writeJSON},
	{"gitlab", true, writeGitLab},
	{"sarif", true, writeSARIF},
	{"junit", true, writeJUnit},
}

func kindNames() []string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.name)
	}
	return all
}

// outputs are the forms that were asked for, each with the place it goes to.
type outputs struct {
	app  *app
	all  []output
	open []*os.File
}

type output struct {
	kind
	to io.Writer
}

// outputs opens what -o names. It comes before any work, so that a misspelt path does not cost a run.
func (a *app) outputs(asked []string) (*outputs, error) {
	o := &outputs{app: a}
	var stdout []kind
	for _, s := range asked {
		name, path, _ := strings.Cut(s, "=")
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
		if i < 0 {
			return nil, o.close(fmt.Errorf("-o is one of %s, not %q", strings.Join(kindNames(), ", "), name))
		}
		if path == "" || path == "-" {
			stdout = append(stdout, kinds[i])
			o.all = append(o.all, output{kinds[i], a.stdout})
			continue
		}
		f, err := os.Create(path)
		if err != nil {
			return nil, o.close(err)
		}
		o.open = append(o.open, f)
		o.all = append(o.all, output{kinds[i], f})
	}
	if len(stdout) == 0 {
		o.all = append(o.all, output{kinds[0], a.stdout})
	}
	for _, k := range stdout {
		if k.alone && len(stdout) > 1 {
			return nil, o.close(fmt.Errorf("-o %s wants stdout alone; write it to a file with -o %s=PATH", k.name, k.name))
		}
	}
	return o, nil
}

func (o *outputs) write(r *report) error {
	var err error
	for _, out := range o.all {
		if e := out.write(o.app, out.to, r); e != nil {
			err = errors.Join(err, fmt.Errorf("write %s: %w", out.name, e))
		}
	}
	if err = o.close(err); err != nil {
		return &exit{code: exitInvalid, err: err}
	}
	return nil
}

// close closes the files and passes an error on.
func (o *outputs) close(err error) error {
	for _, f := range o.open {
		err = errors.Join(err, f.Close())
	}
	return err
}

// sentence is what a diagnostic says, with its other places and what to write instead, for forms without a place for
// them.
func sentence(d hclconf.Diagnostic, sep string) string {
	parts := []string{d.Detail}
	for _, r := range d.Related {
		parts = append(parts, fmt.Sprintf("%s:%d:%d: %s", r.Range.Filename, r.Range.Start.Line, r.Range.Start.Column, r.Message))
	}
	if d.Hint != "" {
		parts = append(parts, "try: "+d.Hint)
	}
	return strings.Join(parts, sep)
}

// inRepository is the path of a file from the root of the repository that a CI system checks out, whose directory it
// puts into the given variable. Annotations are shown only where that path is right.
func inRepository(name, variable string) string {
	root := os.Getenv(variable)
	abs, err := filepath.Abs(name)
	if root == "" || err != nil || name == "<stdin>" {
		return filepath.ToSlash(filepath.Clean(name))
	}
	rel, err := filepath.Rel(root, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return filepath.ToSlash(filepath.Clean(name))
	}
	return filepath.ToSlash(rel)
}
