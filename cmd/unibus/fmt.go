package main

import (
	"bytes"
	"fmt"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"unibus/internal/hclconf"
)

// formatter is one run of fmt.
type formatter struct {
	app         *app
	check, diff bool
	changed     bool
	status      int
}

func (a *app) fmtCommand() *cobra.Command {
	f := &formatter{app: a}
	var recursive bool
	cmd := &cobra.Command{
		Use:   "fmt [FILE|DIR|-]…",
		Short: "Rewrite files in canonical form",
		Long: `Rewrite files in canonical form and print the names of those that changed. Standard input is formatted to
standard output. Comments stay, and so does the meaning: the digest never changes. Of a directory the *.hcl in it are
formatted, with --recursive also those of the directories inside, but for hidden ones. What --diff prints has (redacted) in
place of literal secrets.

The form: two spaces a level, equal signs in a column, at most one blank line, lines that end in LF, one line break at
the end, no byte order mark. A file that does not parse is refused and left as it is. JSON files are left alone.

A file is replaced as a whole, by a rename, and keeps its mode and, where that is allowed, its owner. A symbolic link
stays one.

Exit status: 0, 1 a file would change (with --check), does not parse or cannot be written, 64 usage, 66 a file cannot be
read.`,
		Example: `  unibus fmt
  unibus fmt --check --diff --recursive .
  unibus fmt - < draft.hcl > prod.hcl`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{""}
			}
			names, err := inputs(args, recursive)
			if err != nil {
				return err
			}
			for _, name := range names {
				if err := f.format(name); err != nil {
					return err
				}
			}
			switch {
			case f.status != 0:
				return &exit{code: f.status}
			case f.check && f.changed:
				return &exit{code: exitInvalid}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.check, "check", false, "write nothing; print the names of the files that would change, and exit with 1 if there are any")
	flags.BoolVar(&f.diff, "diff", false, "write nothing; print what would change")
	flags.BoolVarP(&recursive, "recursive", "r", false, "also format the directories inside directories")
	return cmd
}

// format formats one file. What is wrong with it is said at once and remembered; only what ends the whole run is an
// error.
func (f *formatter) format(name string) error {
	in, err := f.app.open(name)
	if err != nil {
		return f.complain(exitNoInput, err)
	}
	out, c := hclconf.Format(in.name, in.text)
	if out == nil {
		_ = f.app.refuse(c, exitInvalid, c.Diagnostics...)
		f.fail(exitInvalid)
		return nil
	}
	if hclconf.IsJSON(in.text) {
		f.app.note("%s: JSON, left alone\n", in.name)
	}
	stdin := name == "-"
	switch {
	case f.diff || f.check:
		return f.report(in, out)
	case stdin:
		_, err := f.app.stdout.Write(out)
		return err
	case bytes.Equal(in.text, out):
		return nil
	}
	if err := replace(in.name, out); err != nil {
		return f.complain(exitInvalid, err)
	}
	if !f.app.quiet {
		_, err = fmt.Fprintln(f.app.stdout, in.name)
	}
	return err
}

// report prints what would change, and changes nothing.
func (f *formatter) report(in file, out []byte) error {
	if bytes.Equal(in.text, out) {
		return nil
	}
	f.changed = true
	var err error
	if f.check {
		_, err = fmt.Fprintln(f.app.stdout, in.name)
	}
	if f.diff && err == nil {
		before, after := hclconf.Masked(in.name, in.text), hclconf.Masked(in.name, out)
		_, err = fmt.Fprint(f.app.stdout, udiff.Unified(in.name, in.name+" (formatted)", string(before), string(after)))
	}
	return err
}

func (f *formatter) complain(status int, err error) error {
	fmt.Fprintf(f.app.stderr, "unibus: %v\n", err)
	f.fail(status)
	return nil
}

// fail remembers a status; a mistake in a file weighs more than one that cannot be read.
func (f *formatter) fail(status int) {
	if f.status != exitInvalid {
		f.status = status
	}
}
