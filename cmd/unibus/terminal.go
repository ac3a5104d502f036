package main

import (
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// startOfLine goes to the start of the line that is written and clears it. A terminal that is left with it shows no ^C.
const startOfLine = "\r\x1b[K"

// isTerminal tells whether what was written can be drawn over.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"
}

// fit is a line as far as it fits on a terminal: what is wrapped cannot be drawn over. Elsewhere it is the whole line.
func fit(w io.Writer, line string) string {
	f, ok := w.(*os.File)
	if !ok {
		return line
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns < 2 {
		return line
	}
	return text.Snip(line, columns-1, "…")
}
