package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2/maybe"

	"unibus/config/schema"
)

// store is a node's directory, held by this process alone. nats-server takes no lock: two of them accept the same
// directory and destroy each other's data.
type store struct {
	dir    string       // "" for a node that stores nothing
	lock   *flock.Flock // nil while the directory does not exist
	frozen frozen
}

// frozen is what can never change while a store holds data: nats-server v2.15.2 keys what it stores by it, or deletes
// what it does not expect.
type frozen struct {
	Cluster       string `json:"cluster"`
	Node          string `json:"node"`
	SystemAccount string `json:"system_account"`
	Clustered     bool   `json:"clustered"`
	// Linked are the clusters of which the meta group is made, sorted. It changes when clusters are linked.
	Linked []string `json:"linked"`
	// Began are those of them that were in the file when the store was empty, its own cluster among them.
	Began []string `json:"began"`
}

// is tells whether nothing differs that can never change.
func (f frozen) is(o frozen) bool {
	return f.Cluster == o.Cluster && f.Node == o.Node && f.SystemAccount == o.SystemAccount && f.Clustered == o.Clustered
}

// frozenFile is where a store remembers what it was first used for.
const frozenFile = "unibus.json"

const wayOut = "to keep the data: go back to the old file, `unibus backup`, start with empty stores, `unibus restore`"

// openStore takes the lock on the node's directory and refuses one that belongs to something else. It writes nothing;
// a directory that does not exist yet is only made, and locked, by claim.
func openStore(c Conf) (*store, error) {
	if !c.node.JetStream.Enabled {
		return &store{}, nil
	}
	s := &store{
		dir: c.storeDir(),
		frozen: frozen{
			Cluster:       c.cluster.Name,
			Node:          c.node.Name,
			SystemAccount: schema.SystemAccount,
			Clustered:     !c.topology.Standalone(),
			Linked:        clusters(c.topology),
			Began:         c.begins(),
		},
	}
	info, err := os.Stat(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	}
	if err == nil {
		err = s.take(c)
	}
	if err == nil {
		err = s.check(c)
	}
	if err != nil {
		s.close()
		return nil, storeError(c, err)
	}
	return s, nil
}

// claim makes the directory if it is missing, and writes down what it is used for.
func (s *store) claim(c Conf) error {
	if s.dir == "" {
		return nil
	}
	if s.lock == nil {
		if err := os.MkdirAll(s.dir, 0o750); err != nil {
			return storeError(c, err)
		}
		if err := s.take(c); err != nil {
			return storeError(c, err)
		}
	}
	if err := writable(s.dir); errors.Is(err, fs.ErrPermission) {
		return storeError(c, err)
	} else if err != nil { // which may pass
		return fmt.Errorf("the store %q cannot be written: %w", s.dir, err)
	}
	b, err := json.Marshal(s.frozen)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, frozenFile)
	b = append(b, '\n')
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, b) {
		return nil
	}
	return storeError(c, maybe.WriteFile(path, b, 0o640))
}

// writable makes a file in a directory and removes it: nats-server does not say where it cannot, nor why.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".unibus-*")
	if where := (*fs.PathError)(nil); errors.As(err, &where) && !errors.Is(err, fs.ErrPermission) {
		return where.Err
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// close gives the directory back.
func (s *store) close() {
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// take locks the directory itself, with flock(2), which leaves nothing behind.
func (s *store) take(c Conf) error {
	lock := flock.New(s.dir, flock.SetFlag(os.O_RDONLY))
	ok, err := lock.TryLock()
	if err != nil {
		return err
	}
	if !ok {
		return &Error{
			Kind:    KindStore,
			At:      &c.node.JetStream.StoreDir,
			Summary: fmt.Sprintf("the store %q is in use by %s", s.dir, holder(s.dir)),
			Hint:    "a store belongs to one process; stop the other one first",
		}
	}
	s.lock = lock
	return nil
}

// check compares what the store was used for with what it is to be used for now. A store that holds nothing may become
// anything.
func (s *store) check(c Conf) error {
	used, err := s.used()
	if err != nil || !used {
		return err
	}
	was, err := s.read()
	if err != nil {
		return err
	}
	// Who is taken out of the file has a life of its own from then on.
	s.frozen.Began = slices.DeleteFunc(was.Began, func(name string) bool { return !slices.Contains(s.frozen.Linked, name) })
	if was.is(s.frozen) {
		return nil
	}
	switch {
	case was.Node != s.frozen.Node:
		return &Error{
			Kind:    KindStore,
			At:      &c.node.Name,
			Summary: fmt.Sprintf("the store %q is that of node %q, not of %q", s.dir, was.Node, s.frozen.Node),
			Hint:    "move it back, or give this node an empty store; it fetches its replicas from the others",
		}
	case was.Clustered != s.frozen.Clustered:
		return s.modeError(c)
	case was.Cluster != s.frozen.Cluster && was.Clustered:
		return &Error{
			Kind:    KindStore,
			At:      &c.cluster.Name,
			Summary: fmt.Sprintf("the store %q is that of cluster %q, and a cluster cannot be renamed to %q", s.dir, was.Cluster, s.frozen.Cluster),
			Hint:    wayOut,
		}
	case was.SystemAccount != s.frozen.SystemAccount:
		return fmt.Errorf("it was used with the system account %q", was.SystemAccount)
	}
	return nil
}

// modeError refuses to turn a standalone store into a clustered one or back: nats-server v2.15.2 deletes streams that
// the meta group does not know 30 s after joining it.
func (s *store) modeError(c Conf) error {
	now, before := "the only node of its file", "one of a cluster"
	if s.frozen.Clustered {
		now, before = before, now
	}
	return &Error{
		Kind:    KindStore,
		At:      &c.cluster.Name,
		Summary: fmt.Sprintf("the store %q was written when node %q was %s, and now it is %s", s.dir, s.frozen.Node, before, now),
		Hint:    wayOut,
	}
}

// read is what a store that holds something was first used for. One that another nats-server has written tells by its meta
// group whether it was clustered.
func (s *store) read() (*frozen, error) {
	path := filepath.Join(s.dir, frozenFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		was := s.frozen
		was.Linked, was.Began = []string{was.Cluster}, []string{was.Cluster}
		_, err = os.Stat(filepath.Join(s.dir, "jetstream", schema.SystemAccount, "_js_", "_meta_"))
		was.Clustered = err == nil
		return &was, nil
	}
	if err != nil {
		return nil, err
	}
	was := &frozen{}
	if err := json.Unmarshal(b, was); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(was.Linked) == 0 {
		was.Linked = []string{was.Cluster}
	}
	if len(was.Began) == 0 {
		was.Began = []string{was.Cluster}
	}
	return was, nil
}

// Links are the clusters with which the store of a node shares its meta group, and those of them with which it began, both
// sorted; nil for a store that holds nothing and may become part of any group. It takes no lock and writes nothing.
func Links(c Conf) (linked, began []string, err error) {
	if !c.node.JetStream.Enabled {
		return nil, nil, nil
	}
	s := &store{dir: c.storeDir(), frozen: frozen{Cluster: c.cluster.Name}}
	used, err := s.used()
	if err != nil || !used {
		return nil, nil, storeError(c, err)
	}
	was, err := s.read()
	if err != nil {
		return nil, nil, storeError(c, err)
	}
	return was.Linked, was.Began, nil
}

// begins are the clusters with which an empty store of this node begins. One that the first election does not wait for
// may hold data of its own.
func (c Conf) begins() []string {
	return slices.DeleteFunc(clusters(c.topology), func(name string) bool {
		return name != c.cluster.Name && !slices.ContainsFunc(c.topology.Clusters, func(o *schema.Cluster) bool {
			return o.Name == name && len(c.dialled(o)) > 0
		})
	})
}

// clusters are the names of the clusters of a topology, sorted.
func clusters(t *schema.Topology) []string {
	var all []string
	for _, c := range t.Clusters {
		all = append(all, c.Name)
	}
	slices.Sort(all)
	return all
}

// used tells whether nats-server has stored anything: any file below its directory.
func (s *store) used() (bool, error) {
	err := filepath.WalkDir(filepath.Join(s.dir, "jetstream"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			return errUsed
		}
		return err
	})
	switch {
	case errors.Is(err, errUsed):
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, err
}

var errUsed = errors.New("used")

// storeError says which setting an error about the store belongs to.
func storeError(c Conf, err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	e = &Error{Kind: KindStore, At: &c.node.JetStream.StoreDir, Summary: fmt.Sprintf("cannot use the store %q", c.storeDir()), Err: err}
	if errors.Is(err, fs.ErrPermission) {
		e.Hint = "the directory must belong to the user unibus runs as"
	}
	return e
}

// holder names the process that holds the lock on a directory, where the kernel tells.
func holder(dir string) string {
	if pid := lockPID("/proc/locks", inode(dir)); pid != "" {
		return "process " + pid
	}
	return "another process"
}

// lockPID finds a lock in the table of the kernel: "1: FLOCK  ADVISORY  WRITE 4711 fd:01:1179651 0 EOF".
func lockPID(table, inode string) string {
	f, err := os.Open(table)
	if err != nil || inode == "" {
		return ""
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) >= 6 && w[1] == "FLOCK" && strings.HasSuffix(w[5], ":"+inode) && w[4] > "0" {
			return w[4]
		}
	}
	return ""
}
