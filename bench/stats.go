package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// row is one line of a table, ready to be printed.
type row struct{ what, ours, reference, ratio, noise, target, met string }

// header names the columns of a table. The noise is what the same comparison says about two references.
var header = table.Row{"", "unibus", "reference", "ratio [95 %]", "reference twice [95 %]", "target", "met"}

func render(rows []row, markdown bool) string {
	t := table.NewWriter()
	t.SetStyle(table.Style{
		Box:     table.BoxStyle{PaddingRight: "   "},
		Format:  table.FormatOptions{Header: text.FormatDefault, Row: text.FormatDefault},
		Options: table.OptionsNoBordersAndSeparators,
	})
	t.SuppressTrailingSpaces()
	t.AppendHeader(header)
	for _, r := range rows {
		t.AppendRow(table.Row{r.what, r.ours, r.reference, r.ratio, r.noise, r.target, r.met})
	}
	if markdown {
		return t.RenderMarkdown()
	}
	return t.Render()
}

// limit is what a number has to reach. The zero value is no limit.
type limit struct {
	value   float64
	atLeast bool // else at most
}

func atMost(v float64) limit  { return limit{value: v} }
func atLeast(v float64) limit { return limit{v, true} }

// met tells whether an estimate reaches the limit, and whether the noise leaves it open.
func (l limit) met(e estimate) string {
	if l.value == 0 {
		return ""
	}
	ok := "no"
	if l.reached(e.median) {
		ok = "yes"
	}
	if l.reached(e.low) != l.reached(e.high) {
		ok += ", within the noise"
	}
	return ok
}

func (l limit) reached(v float64) bool {
	v = math.Round(v*1000) / 1000
	return v == l.value || l.atLeast == (v > l.value)
}

func (l limit) text(unit string) string {
	switch {
	case l.value == 0:
		return ""
	case l.atLeast:
		return "≥ " + number(l.value) + unit
	}
	return "≤ " + number(l.value) + unit
}

// compare is the row of two series whose elements were measured in turn. The ratio is the median of the ratios of
// neighbours, which a machine that becomes slower in the course of a run does not change. The second reference may be
// nil.
func compare(what, unit string, ours, reference, second []float64, target limit) row {
	r := row{what: what, ours: number(median(ours)) + unit, reference: number(median(reference)) + unit}
	ratio := estimated(ratios(ours, reference))
	r.ratio, r.target, r.met = ratio.String(), target.text(""), target.met(ratio)
	if second != nil {
		r.noise = estimated(ratios(second, reference)).String()
	}
	return r
}

// single is the row of one series.
func single(what, unit string, ours []float64, target limit) row {
	return row{
		what: what, ours: number(median(ours)) + unit,
		target: target.text(unit), met: target.met(estimated(ours)),
	}
}

func ratios(a, b []float64) []float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = a[i] / b[i]
	}
	return all
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	if n == 0 {
		return math.NaN()
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}

// estimate is the median of a series and the range that holds the true one with a probability of 95 %, by the order of
// the values alone: no distribution is assumed. Of fewer than six values the range is all of them.
type estimate struct {
	median, low, high float64
	n                 int
}

func estimated(x []float64) estimate {
	s := slices.Sorted(slices.Values(x))
	n := float64(len(s))
	k := max(0, int(math.Floor((n-1.96*math.Sqrt(n))/2)))
	return estimate{median(s), s[k], s[len(s)-1-k], len(s)}
}

func (e estimate) String() string {
	if e.n < 2 {
		return fmt.Sprintf("%.2f", e.median)
	}
	return fmt.Sprintf("%.2f [%.2f … %.2f]", e.median, e.low, e.high)
}

// quantile is the value below which the part q of the samples is. It sorts them.
func quantile(samples []float64, q float64) float64 {
	slices.Sort(samples)
	return samples[min(len(samples)-1, int(q*float64(len(samples))))]
}

// number prints three significant digits.
func number(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
