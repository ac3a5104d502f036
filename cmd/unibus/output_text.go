package main

import (
	"bytes"
	"fmt"
	"io"
)

// writeText writes for people: the diagnostics of each file and a line that sums it up.
func (a *app) writeText(w io.Writer, r *report) error {
	bad := 0
	for _, c := range r.files {
		if err := c.WriteText(w, c.Diagnostics, a.style(w)); err != nil {
			return err
		}
		if r.bad(c) {
			bad++
		}
		if c.unreadable {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", c.Name, r.verdict(c)); err != nil {
			return err
		}
	}
	if len(r.files) < 2 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%d files, %d of them not valid\n", len(r.files), bad)
	return err
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
