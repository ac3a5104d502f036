package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"unibus/internal/hclconf"
)

// writeText writes for people: the diagnostics of each file and a line that sums it up, unless it is quiet and all is
// right; and, where it is verbose, what the codes mean.
func (a *app) writeText(w io.Writer, r *report) error {
	bad := 0
	for _, c := range r.files {
		if err := c.WriteText(w, c.Diagnostics, a.style(w)); err != nil {
			return err
		}
		if r.bad(c) {
			bad++
		}
		if c.unreadable || a.quiet && !r.bad(c) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", c.Name, r.verdict(c)); err != nil {
			return err
		}
	}
	if len(r.files) > 1 && (!a.quiet || bad > 0) {
		if _, err := fmt.Fprintf(w, "%d files, %d of them not valid\n", len(r.files), bad); err != nil {
			return err
		}
	}
	if !a.verbose {
		return nil
	}
	return writeMeanings(w, r)
}

// writeMeanings explains each code that was found once.
func writeMeanings(w io.Writer, r *report) error {
	found := map[hclconf.Code]bool{}
	for _, c := range r.files {
		for _, d := range c.Diagnostics {
			found[d.Code] = true
		}
	}
	for _, code := range slices.Sorted(maps.Keys(found)) {
		if err := meaning(w, code); err != nil {
			return err
		}
	}
	return nil
}

// writeCompact writes one line for each diagnostic, and nothing about what is right.
func writeCompact(_ *app, w io.Writer, r *report) error {
	var b bytes.Buffer
	for _, c := range r.files {
		for _, d := range c.Diagnostics {
			fmt.Fprintln(&b, d.Error())
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
