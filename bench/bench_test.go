package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuick measures next to nothing, to see that it works and cleans up. Cold starts, some of which take long, are
// TestColdStart's.
func TestQuick(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	t.Setenv("TMPDIR", t.TempDir())
	out := filepath.Join(t.TempDir(), "RESULTS.md")
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-only", "load,memory,idle,reload,validate,assets,view", "-o", out}, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections[2:] {
		if !strings.Contains(string(text), "## "+s.title) {
			t.Errorf("the results have no section %q:\n%s", s.title, text)
		}
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestColdStart(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	r, err := newRig(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, k := range []kind{ours, stock} {
		b, err := r.coldStart(t.Context(), k, true, tight)
		if err != nil || b.formed <= 0 || b.current < b.formed {
			t.Errorf("kind %d: %+v, %v", k, b, err)
		}
		b, err = r.superStart(t.Context(), k)
		if err != nil || b.formed <= 0 || b.current < b.formed {
			t.Errorf("kind %d, supercluster: %+v, %v", k, b, err)
		}
	}
	if took, err := r.dev(t.Context()); err != nil || took <= 0 {
		t.Errorf("dev: %v, %v", took, err)
	}
}

func TestRun_usage(t *testing.T) {
	for _, args := range [][]string{{"-only", "lunch"}, {"surplus"}, {"-slow"}} {
		if err := run(t.Context(), args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestCompare(t *testing.T) {
	ours, reference := []float64{2, 4, 6}, []float64{1, 2, 4}
	want := row{
		what: "w", ours: "4 ms", reference: "2 ms", ratio: "2.00 [1.50 … 2.00]", noise: "1.00 [1.00 … 1.00]",
		target: "≤ 1.9", met: "no, within the noise",
	}
	if got := compare("w", " ms", ours, reference, reference, atMost(1.9)); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		limit limit
		value estimate
		want  string
	}{
		{atLeast(0.97), estimate{median: 0.97, low: 0.97, high: 0.98}, "yes"},
		{atLeast(0.97), estimate{median: 0.96, low: 0.9, high: 0.9691}, "no"},
		{atLeast(0.97), estimate{median: 0.98, low: 0.9, high: 1}, "yes, within the noise"},
		{atMost(1.05), estimate{median: 1.05, low: 1, high: 1.0502}, "yes"},
		{atMost(1.05), estimate{median: 1.06, low: 1.06, high: 2}, "no"},
		{atMost(1.05), estimate{median: 1.06, low: 1, high: 2}, "no, within the noise"},
		{limit{}, estimate{median: 7}, ""},
	} {
		if got := c.limit.met(c.value); got != c.want {
			t.Errorf("%+v of %+v: got %q, want %q", c.limit, c.value, got, c.want)
		}
	}
}

func TestEstimated(t *testing.T) {
	var x []float64
	for i := range 100 {
		x = append(x, float64(100-i))
	}
	if got, want := estimated(x), (estimate{50.5, 41, 60, 100}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := estimated(x[:3]), (estimate{99, 98, 100, 3}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestQuantile(t *testing.T) {
	if got := quantile([]float64{3, 1, 2}, 0.99); got != 3 {
		t.Errorf("got %v", got)
	}
}
