package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// makeOne makes a backup with two streams.
func makeOne(t *testing.T, into, cluster string, at time.Time) string {
	t.Helper()
	w, err := Create(into, cluster, "1.0.0", at)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rooms", "a/../b"} {
		if _, err := w.Add(Stream{Kind: "bucket", Account: "BUS", Name: name}, func(to io.Writer, s *Stream) error {
			s.Messages, s.Config, s.State = 7, []byte(`{"name":"KV"}`), []byte(`{"messages":7}`)
			_, err := io.WriteString(to, "data of "+name)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.LeaveOut(LeftOut{Kind: "bucket", Account: "BUS", Name: "presence", Reason: "memory"})
	path, _, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRoundTrip(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	path := makeOne(t, filepath.Join(t.TempDir(), "new"), "prod", at)
	if filepath.Base(path) != "unibus-20260102T030405.006Z" {
		t.Errorf("it is called %s", path)
	}
	if err := Verify(path); err != nil {
		t.Error(err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if m.Cluster != "prod" || !m.Time.Equal(at) || len(m.Streams) != 2 || len(m.Left) != 1 || m.Streams[1].Bytes != 14 || m.Streams[1].Messages != 7 {
		t.Errorf("got %+v", m)
	}
	info, err := os.Stat(filepath.Join(path, m.Streams[0].File))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("beside it there is %v", left)
	}
}

// TestDamaged damages one file after the other in every way, and looks whether it is named.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"001.snapshot", "002.snapshot", manifestFile, sumsFile} {
		for how, damage := range map[string]func(string, []byte) error{
			"flipped": func(p string, b []byte) error { b[len(b)/2] ^= 1; return os.WriteFile(p, b, 0o600) },
			"cut":     func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)/2], 0o600) },
			"longer":  func(p string, b []byte) error { return os.WriteFile(p, append(b, 'x'), 0o600) },
			"gone":    func(p string, _ []byte) error { return os.Remove(p) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				path := makeOne(t, t.TempDir(), "prod", time.Now())
				file := filepath.Join(path, name)
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if err := damage(file, text); err != nil {
					t.Fatal(err)
				}
				if err := Verify(path); err == nil {
					t.Error("it is not noticed")
				} else if name != sumsFile && !strings.Contains(err.Error(), name) {
					t.Errorf("it says %v", err)
				}
			})
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no backup") {
		t.Errorf("an empty directory: %v", err)
	}
}

// TestAbort is a stream that breaks off.
func TestAbort(t *testing.T) {
	into := t.TempDir()
	w, err := Create(into, "prod", "1.0.0", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, err := w.Add(Stream{}, func(to io.Writer, _ *Stream) error { _, _ = to.Write([]byte("x")); return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(into); len(left) != 0 {
		t.Errorf("there is %v", left)
	}
}

// TestKeep keeps the newest of a cluster, and nothing of what was never finished; what it does not know stays.
func TestKeep(t *testing.T) {
	into := t.TempDir()
	now := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	var prod []string
	for i := range 4 {
		prod = append(prod, makeOne(t, into, "prod", now.Add(time.Duration(i)*time.Minute)))
	}
	other := makeOne(t, into, "other", now.Add(-time.Hour))
	for name, age := range map[string]time.Duration{".partial-old": 48 * time.Hour, ".partial-new": time.Hour, "notes": 90 * 24 * time.Hour} {
		path := filepath.Join(into, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := Keep(into, "prod", 2, now)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprint([]string{filepath.Join(into, ".partial-old"), prod[0], prod[1]}); fmt.Sprint(removed) != want {
		t.Errorf("removed %v, want %s", removed, want)
	}
	for _, path := range []string{prod[2], prod[3], other, filepath.Join(into, ".partial-new"), filepath.Join(into, "notes")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}
