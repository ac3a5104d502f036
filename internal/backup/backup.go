// Package backup keeps backups as directories: one is there as a whole or not at all, and says for every file what it must
// be. It knows nothing of where the data comes from.
//
// A backup holds a file for every stream, in the form in which nats-server sends snapshots, backup.json, which says what
// they are, and SHA256SUMS over all of them, which sha256sum(1) checks too.
package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	manifestFile = "backup.json"
	sumsFile     = "SHA256SUMS"
	// layout names a backup by its time, in UTC, so that the order of the names is that of the backups.
	layout = "unibus-20060102T150405.000Z"
	// partial begins the name of a backup that is not whole yet.
	partial = ".partial-"
	// abandoned is how old a partial backup is that nobody is making any more.
	abandoned = 24 * time.Hour
)

// FormatVersion is the version of the manifest. Fields are added without changing it.
const FormatVersion = "1.0"

// Manifest says what is in a backup. There is never a secret in it.
type Manifest struct {
	FormatVersion string    `json:"format_version"`
	Cluster       string    `json:"cluster"`
	Time          time.Time `json:"time"`
	// Unibus is the version that has made it.
	Unibus  string    `json:"unibus_version"`
	Streams []Stream  `json:"streams"`
	Left    []LeftOut `json:"left_out"`
}

// Stream is one asset in a backup.
type Stream struct {
	Kind    string `json:"kind"`
	Account string `json:"account"`
	Name    string `json:"name"`
	// Stream is what it is called in the JetStream API.
	Stream   string `json:"stream"`
	Messages uint64 `json:"messages"`
	// File is its file in the backup, of so many bytes.
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	// Config and State are as nats-server words them.
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state"`
}

// LeftOut is an asset that is not in a backup, and why.
type LeftOut struct {
	Kind    string `json:"kind"`
	Account string `json:"account"`
	Name    string `json:"name"`
	Reason  string `json:"reason"`
}

// Writer makes one backup.
type Writer struct {
	into, dir string
	manifest  Manifest
	sums      strings.Builder
}

// Create begins a backup in a directory, which is made if it is missing. The caller calls Commit or Abort.
func Create(into, cluster, version string, now time.Time) (*Writer, error) {
	if err := os.MkdirAll(into, 0o700); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(into, partial)
	if err != nil {
		return nil, err
	}
	return &Writer{into: into, dir: dir, manifest: Manifest{
		FormatVersion: FormatVersion, Cluster: cluster, Time: now.UTC(), Unibus: version, Streams: []Stream{}, Left: []LeftOut{},
	}}, nil
}

// Add stores one stream: fill writes its data and completes what is said about it.
func (w *Writer) Add(s Stream, fill func(io.Writer, *Stream) error) (Stream, error) {
	s.File = fmt.Sprintf("%03d.snapshot", len(w.manifest.Streams)+1) // names of assets may be no names of files
	sum, n, err := w.write(s.File, func(to io.Writer) error { return fill(to, &s) })
	if err != nil {
		return s, err
	}
	s.Bytes = n
	fmt.Fprintf(&w.sums, "%s  %s\n", sum, s.File)
	w.manifest.Streams = append(w.manifest.Streams, s)
	return s, nil
}

// LeaveOut notes an asset that is not in the backup.
func (w *Writer) LeaveOut(l LeftOut) { w.manifest.Left = append(w.manifest.Left, l) }

// Commit makes the backup visible under its name, which it returns with the manifest.
func (w *Writer) Commit() (path string, m Manifest, err error) {
	text, err := json.MarshalIndent(w.manifest, "", "  ")
	if err != nil {
		return "", m, err
	}
	sum, _, err := w.write(manifestFile, func(to io.Writer) error { _, err := to.Write(append(text, '\n')); return err })
	if err != nil {
		return "", m, err
	}
	fmt.Fprintf(&w.sums, "%s  %s\n", sum, manifestFile)
	if _, _, err := w.write(sumsFile, func(to io.Writer) error { _, err := io.WriteString(to, w.sums.String()); return err }); err != nil {
		return "", m, err
	}
	path = filepath.Join(w.into, w.manifest.Time.Format(layout))
	for _, step := range []func() error{
		func() error { return syncDir(w.dir) },
		func() error { return os.Rename(w.dir, path) },
		func() error { return syncDir(w.into) },
	} {
		if err := step(); err != nil {
			return "", m, err
		}
	}
	return path, w.manifest, nil
}

// Abort takes away what there is of the backup.
func (w *Writer) Abort() error { return os.RemoveAll(w.dir) }

// write writes a file that is on disk when it returns, and returns its sum and size.
func (w *Writer) write(name string, fill func(io.Writer) error) (sum string, n int64, err error) {
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<20)
	if err = fill(buffered); err == nil {
		err = buffered.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		n, err = f.Seek(0, io.SeekCurrent)
	}
	return hex.EncodeToString(h.Sum(nil)), n, errors.Join(err, f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open reads what is in a backup, without looking at the data.
func Open(path string) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(filepath.Join(path, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s is no backup: it has no %s", path, manifestFile)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s is damaged: %w", filepath.Join(path, manifestFile), err)
	}
	if major, _, _ := strings.Cut(m.FormatVersion, "."); major != "1" {
		return m, fmt.Errorf("%s has the format %q, and this unibus knows %s", path, m.FormatVersion, FormatVersion)
	}
	return m, nil
}

// Verify reads a whole backup and says which files are not as they were written. The error is nil where all are.
func Verify(path string) error {
	text, err := os.ReadFile(filepath.Join(path, sumsFile))
	if err != nil {
		return err
	}
	var bad []error
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok || name != filepath.Base(name) {
			bad = append(bad, fmt.Errorf("%s is damaged", filepath.Join(path, sumsFile)))
			continue
		}
		listed[name] = true
		if err := check(filepath.Join(path, name), sum); err != nil {
			bad = append(bad, err)
		}
	}
	if !listed[manifestFile] {
		bad = append(bad, fmt.Errorf("%s says nothing of %s", filepath.Join(path, sumsFile), manifestFile))
	}
	if len(bad) > 0 {
		return errors.Join(bad...)
	}
	m, err := Open(path)
	for _, s := range m.Streams {
		if !listed[s.File] {
			err = errors.Join(err, fmt.Errorf("%s says nothing of %s", filepath.Join(path, sumsFile), s.File))
		}
	}
	return err
}

func check(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != want {
		return fmt.Errorf("%s is damaged: it is not what was written", path)
	}
	return nil
}

// named is what whole backups are called.
var named = regexp.MustCompile(`^unibus-\d{8}T\d{6}\.\d{3}Z$`)

// Keep removes all backups of a cluster but the newest so many, and what is left of those that were never finished. It
// returns what it has removed.
func Keep(into, cluster string, n int, now time.Time) (removed []string, err error) {
	entries, err := os.ReadDir(into)
	if err != nil {
		return nil, err
	}
	var old []string
	for _, e := range entries {
		path := filepath.Join(into, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), partial):
			if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > abandoned {
				removed = append(removed, path)
			}
		case named.MatchString(e.Name()):
			if m, err := Open(path); err == nil && m.Cluster == cluster {
				old = append(old, path)
			}
		}
	}
	slices.Sort(old)
	removed = append(removed, old[:max(0, len(old)-n)]...)
	for _, path := range removed {
		if err := os.RemoveAll(path); err != nil {
			return removed, err
		}
	}
	return removed, nil
}
