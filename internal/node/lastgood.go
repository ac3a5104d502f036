package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/plan"
)

// LastGood is a copy of the file as it was accepted last, beside the store, from which a node starts when the file is not
// to be taken. The file refers to its secrets, so the copy has their values no more than the file has.
type LastGood struct {
	// File is the absolute path of the file that was accepted.
	File string `json:"file"`
	// Node and Host tell whose it is.
	Node string `json:"node"`
	Host string `json:"host"`
	// Text is the file.
	Text []byte `json:"text"`
	// Rejected is the hash of a text that was on trial and not kept, as in File; it may be empty.
	Rejected string `json:"rejected"`
}

const lastGoodFile = "last-good.json"

// keepLastGood writes the accepted file beside the store; while a file is on trial, the one before it. Losing it does no
// harm while the file itself is good.
func (d *daemon) keepLastGood() {
	d.mu.Lock()
	good, rejected := d.file, d.rejected
	if d.trial != nil {
		good, rejected = d.trial.previous, d.file.FileHash
	}
	_, n := d.running.Node(d.Node)
	d.mu.Unlock()
	dirs := []string{filepath.Join(n.JetStream.StoreDir, d.Node)}
	if state := stateDirectory(); state != "" {
		dirs = append(dirs, filepath.Join(state, d.Node))
	}
	text, err := lastGood(d.File.Path, d.Node, good.Text(), rejected)
	for _, dir := range slices.Compact(dirs) {
		if err == nil {
			err = d.keep(filepath.Join(dir, lastGoodFile), text)
		}
	}
	if err != nil {
		d.Log.Warn("the last good file cannot be kept", "error", err)
		return
	}
	d.Log.Debug("kept as the last good file", "digest", short(good.Digest))
}

// keep writes a file that is there whole or not at all, unless it has been written so already.
func (d *daemon) keep(name string, text []byte) error {
	if old, ok := d.kept[name]; ok && bytes.Equal(old, text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	if _, again := d.kept[name]; !again {
		left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "."+lastGoodFile+"*"))
		for _, half := range left { // a power cut had it before it was in place
			_ = os.Remove(half)
		}
	}
	f, err := newPending(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // nothing, once it is in place
	if _, err := f.Write(text); err != nil {
		return err
	}
	d.reached("last good file written")
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	d.reached("last good file in place")
	d.kept[name] = text
	return nil
}

func lastGood(file, node string, text []byte, rejected string) ([]byte, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return json.Marshal(LastGood{File: path, Node: node, Host: host, Text: text, Rejected: rejected})
}

// stateDirectory is where systemd lets the service keep its state, or "".
func stateDirectory() string {
	first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":")
	return first
}

var storeDirText = regexp.MustCompile(`"?store_dir"?\s*[=:]\s*"([^"$]+)"`)

// FindLastGood looks for the newest copy of a file: below dataDir, the state directory of the service, the directories
// that the text names, which may be bad, and the default. A copy counts when it was made from the same path on the same
// host, and for the named node where one is named.
func FindLastGood(file string, text []byte, dataDir, node string) (LastGood, bool) {
	path, err := filepath.Abs(file)
	if err != nil {
		return LastGood{}, false
	}
	host, err := os.Hostname()
	if err != nil {
		return LastGood{}, false
	}
	dirs := []string{dataDir, stateDirectory(), schema.DefaultStoreDir}
	for _, m := range storeDirText.FindAllSubmatch(text, -1) {
		dirs = append(dirs, string(m[1]))
	}
	var newest LastGood
	var written time.Time
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		found, _ := filepath.Glob(filepath.Join(dir, "*", lastGoodFile))
		for _, name := range found {
			g, at, err := readLastGood(name)
			if err == nil && g.File == path && g.Host == host && (node == "" || g.Node == node) && at.After(written) {
				newest, written = g, at
			}
		}
	}
	return newest, !written.IsZero()
}

func readLastGood(name string) (g LastGood, written time.Time, err error) {
	b, err := readFile(name)
	if err != nil {
		return g, written, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return g, written, err
	}
	return g, info.ModTime(), json.Unmarshal(b, &g)
}

// TooBig is why a node must not start with a good file after it has run with another one, or nil: it is the one that was
// on trial, or it takes a step that would be refused by a reload and that nobody takes on purpose while the node is down.
func (g LastGood) TooBig(old, new *hclconf.Config, node string) error {
	if g.Rejected == new.FileHash {
		return errRejected
	}
	for _, p := range plan.Diff(old.Topology, new.Topology).Problems {
		if p.Concerns(node) && slices.Contains([]string{plan.AcceptRemovedNodes, plan.AcceptMovedAddress}, p.Accept) {
			return errors.New(p.Summary)
		}
	}
	return nil
}

var errRejected = errors.New("the file was on trial and nobody kept it")
