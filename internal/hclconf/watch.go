package hclconf

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watcher notices every change of the content of a file and of the certificates, keys and secrets that the file names,
// in whatever way they are replaced.
//
// What a file holds decides; events of the file system are only hints to look at once, and a slow poll makes up for
// those that never come. A look follows every symbolic link anew and watches every directory on the way, from the root.
// New content counts when nothing has moved for 100 ms, so that a half-written file and a certificate without its key are
// not taken for a change; where something keeps moving, after 1 s it is enough that the content has stood for 50 ms. A
// file that is missing, empty or unreadable is never a change, but trouble that State reports.
type Watcher struct {
	name string
	pace pace
	open func() (*fsnotify.Watcher, error)
	wake chan struct{}

	mu      sync.Mutex
	files   map[string]*watched
	text    []byte // of name, as it was loaded or reported last
	polling string

	// The rest belongs to Watch.
	events  *fsnotify.Watcher
	dirs    []directory // that events is about
	names   nameSet     // on the way to the files
	last    time.Time   // look
	pending time.Time   // since when something waits to be reported; zero when nothing does
}

// Change is one change of one or more files, after they have settled.
type Change struct {
	// Text is what the file held when it was last loaded or reported, this report included. It is the same slice until
	// the file itself changes.
	Text []byte
	// Names are the files that changed, sorted: the file itself, or some of those that Loaded was told of.
	Names []string
}

// WatchState is how well a Watcher sees.
type WatchState struct {
	// Polling says why changes are looked for every 2 s instead of being noticed at once, such as "inotify limit"; it is
	// empty when events work.
	Polling string
	// Troubles are the files that cannot be taken as they are, sorted by name. While they last, what was loaded goes on.
	Troubles []Trouble
}

// String is "events", or "polling" and why.
func (s WatchState) String() string {
	if s.Polling == "" {
		return "events"
	}
	return "polling, " + s.Polling
}

// Trouble is a file that cannot be taken as it is.
type Trouble struct {
	// Name is the file.
	Name string
	// Why is "missing", "empty" or what else is wrong with it.
	Why string
	// Since is when it was first seen so.
	Since time.Time
}

// pace is how patient a Watcher is.
type pace struct {
	step    time.Duration // between two looks, at least
	settle  time.Duration // for this long new content has to stand
	longest time.Duration // after this long, half of settle is enough
	poll    time.Duration // between two looks without a hint
	blind   time.Duration // between two looks when there are no events
	reread  time.Duration // for this long a file of the same inode, size and time is believed to hold the same
}

var usualPace = pace{
	step:    20 * time.Millisecond,
	settle:  100 * time.Millisecond,
	longest: time.Second,
	poll:    5 * time.Second,
	blind:   2 * time.Second,
	reread:  time.Minute,
}

// watched is one file.
type watched struct {
	known sum // what was loaded or reported last
	seen  sum // by the last look
	text  []byte
	info  fs.FileInfo
	read  time.Time // last
	// When the content turned into what was seen, and when anything about the file last moved.
	turned, moved time.Time
	trouble       Trouble
}

// sum identifies a content. The zero sum is that of no content.
type sum [sha256.Size]byte

func sumOf(text []byte) sum {
	if len(text) == 0 {
		return sum{}
	}
	return sha256.Sum256(text)
}

// NewWatcher watches a file once Watch runs. Nothing of it is known until Loaded is called: whatever it holds is then the
// first change.
func NewWatcher(name string) *Watcher {
	return &Watcher{
		name:  name,
		pace:  usualPace,
		open:  fsnotify.NewWatcher,
		wake:  make(chan struct{}, 1),
		files: map[string]*watched{name: {}},
	}
}

// Loaded tells what was just loaded, whether or not it was accepted: the text of the file, and the other files that were
// read for it with their content, empty where there was none. From now on these are watched, and only what differs from
// them is a change, even when it had been reported before. A nil map leaves the other files as they are. Loaded may be
// called at any time, also from the callback of Watch.
func (w *Watcher) Loaded(text []byte, also map[string][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = text
	w.files[w.name].load(text)
	if also != nil {
		files := map[string]*watched{w.name: w.files[w.name]}
		for name, text := range also {
			if name == w.name {
				continue
			}
			if files[name] = w.files[name]; files[name] == nil {
				files[name] = &watched{}
			}
			files[name].load(text)
		}
		w.files = files
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// load makes a content the known one. What the last look saw has to be seen anew before it is a change from that.
func (f *watched) load(text []byte) {
	f.known = sumOf(text)
	f.turned = time.Now()
	f.moved = f.turned
}

// State is how well the watcher sees now.
func (w *Watcher) State() WatchState {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := WatchState{Polling: w.polling}
	for _, f := range w.files {
		if f.trouble.Why != "" {
			s.Troubles = append(s.Troubles, f.trouble)
		}
	}
	slices.SortFunc(s.Troubles, func(a, b Trouble) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// Watch calls changed once for every change, one call at a time, until ctx ends; then it returns nil and leaves nothing
// behind. Nothing else ends it. It may run only once.
func (w *Watcher) Watch(ctx context.Context, changed func(Change)) error {
	defer w.closeEvents()
	hinted := true
	for ctx.Err() == nil {
		w.last = time.Now()
		w.look(hinted || !w.pending.IsZero())
		c, wait := w.settled()
		if len(c.Names) > 0 {
			changed(c)
			select {
			case <-w.wake: // the next look comes at once
			default:
			}
			hinted = true
			continue
		}
		hinted = w.rest(ctx, wait)
	}
	return nil
}

// rest waits until the next look is due: after the given time, or, with a hint, as soon as the last look is a step ago.
// An event is a hint if it is about a name on the way to the files, or about a directory that is watched.
func (w *Watcher) rest(ctx context.Context, wait time.Duration) (hinted bool) {
	var events <-chan fsnotify.Event
	var errs <-chan error
	if w.events != nil {
		events, errs = w.events.Events, w.events.Errors
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return hinted
		case <-w.wake:
		case e, ok := <-events:
			if !ok {
				events, errs = nil, nil
				w.closeEvents()
			} else if !w.names[filepath.Base(e.Name)] {
				continue
			}
		case <-errs: // an overflow, or worse: whatever was lost, the next look begins anew
			events, errs = nil, nil
			w.closeEvents()
		}
		if !hinted {
			hinted = true
			timer.Reset(time.Until(w.last.Add(w.pace.step)))
		}
	}
}

// look takes in what all files hold. Unless it has to read them all, it believes those that look the same.
func (w *Watcher) look(all bool) {
	w.mu.Lock()
	names := slices.Collect(maps.Keys(w.files))
	w.mu.Unlock()
	polling := w.follow(names)
	w.mu.Lock()
	w.polling = polling
	w.mu.Unlock()
	for _, name := range names {
		w.glance(name, all)
	}
}

// glance takes in what one file holds.
func (w *Watcher) glance(name string, read bool) {
	w.mu.Lock()
	f := w.files[name]
	if f == nil { // no longer
		w.mu.Unlock()
		return
	}
	before := *f
	w.mu.Unlock()
	if !read && w.last.Sub(before.read) < w.pace.reread {
		if info, err := os.Stat(name); err == nil && same(info, before.info) {
			return
		}
	}
	text, info, err := readWatched(name)
	now := sumOf(text)

	w.mu.Lock()
	defer w.mu.Unlock()
	if now != f.seen {
		f.turned, f.moved = w.last, w.last
	} else if !same(info, f.info) {
		f.moved = w.last
	}
	f.seen, f.info, f.read = now, info, w.last
	if name == w.name {
		f.text = text
	}
	if why := trouble(info, err); why != f.trouble.Why {
		f.trouble = Trouble{Name: name, Why: why, Since: w.last}
	}
}

// settled takes what differs from what is known and has settled as a change. Without one it says when to look again.
func (w *Watcher) settled() (c Change, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var fresh []string
	var moved time.Time
	for name, f := range w.files {
		if f.seen != f.known && f.seen != (sum{}) {
			fresh = append(fresh, name)
		}
		if f.moved.After(moved) {
			moved = f.moved
		}
	}
	switch {
	case len(fresh) == 0:
		w.pending = time.Time{}
		if w.polling != "" {
			return c, w.pace.blind
		}
		return c, w.pace.poll
	case w.pending.IsZero():
		w.pending = w.last
	}
	if quiet := w.last.Sub(moved); quiet < w.pace.settle {
		if w.last.Sub(w.pending) < w.pace.longest {
			if w.polling == "" { // what moves until then is noticed
				return c, w.pace.settle - quiet
			}
			return c, min(w.pace.step, w.pace.settle-quiet)
		}
		fresh = slices.DeleteFunc(fresh, func(name string) bool { return w.last.Sub(w.files[name].turned) < w.pace.settle/2 })
		if len(fresh) == 0 {
			return c, w.pace.step
		}
	}
	w.pending = time.Time{}
	slices.Sort(fresh)
	for _, name := range fresh {
		f := w.files[name]
		f.known = f.seen
		if name == w.name {
			w.text = f.text
		}
	}
	return Change{Text: w.text, Names: fresh}, 0
}

// follow watches every directory that leads to the files. It returns why it cannot, or "".
func (w *Watcher) follow(names []string) (polling string) {
	for range 3 { // until nothing moved between finding the directories and watching them
		dirs, on := directories(names)
		w.names = on
		settled := w.events != nil && slices.EqualFunc(dirs, w.dirs, directory.same)
		if !settled {
			w.closeEvents()
			events, err := w.open()
			if err != nil {
				return whyPolling(err, "")
			}
			w.events, w.dirs = events, dirs
		}
		polling = ""
		for _, d := range dirs { // also those that are watched: a new directory may have the inode of a deleted one
			if err := w.events.Add(d.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				polling = whyPolling(err, d.path)
			}
		}
		if settled {
			break
		}
	}
	return polling
}

func (w *Watcher) closeEvents() {
	if w.events != nil {
		_ = w.events.Close() // nothing hangs on it: a new one is made
	}
	w.events, w.dirs = nil, nil
}

// whyPolling words an error of inotify. It has limits per user: of instances (EMFILE) and of watches (ENOSPC).
func whyPolling(err error, dir string) string {
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENOSPC):
		return "inotify limit"
	case errors.Is(err, fs.ErrPermission):
		return dir + " may not be read"
	}
	return strings.TrimSpace(dir + " " + reason(err))
}

// directory is a directory at a moment: with the same path, another may be there later.
type directory struct {
	path string
	info fs.FileInfo
}

func (d directory) same(o directory) bool { return d.path == o.path && os.SameFile(d.info, o.info) }

// nameSet are names without the directories that they are in.
type nameSet map[string]bool

// directories are those in which the kernel looks up a name on its way from the root to any of the files, and on are the
// names that it looks up.
func directories(names []string) (dirs []directory, on nameSet) {
	found, links := map[string]fs.FileInfo{}, map[string]string{}
	on = nameSet{"/": true}
	readlink := func(path string) string {
		target, ok := links[path]
		if !ok {
			target, _ = os.Readlink(path) // not a link, or not there
			links[path] = target
		}
		return target
	}
	for _, name := range names {
		resolve(name, readlink, func(dir, name string) {
			on[filepath.Base(name)] = true
			if _, ok := found[dir]; !ok {
				found[dir], _ = os.Lstat(dir)
			}
		})
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		if info := found[path]; info != nil && info.IsDir() {
			dirs = append(dirs, directory{path, info})
		}
	}
	return dirs, on
}

// readlink is where a symbolic link leads, or "" where there is none.
func readlink(path string) string {
	target, _ := os.Readlink(path)
	return target
}

// resolve follows a path as the kernel does, through every symbolic link. It calls visit with each directory in which a
// name is looked up, and the name, whether or not anything is there, and returns where the path ends.
func resolve(name string, readlink func(path string) string, visit func(dir, name string)) string {
	if !filepath.IsAbs(name) {
		wd, _ := os.Getwd()
		name = wd + "/" + name // not cleaned: in link/.. the link counts
	}
	at, rest := "/", strings.Split(name, "/")
	for links := 0; len(rest) > 0 && links <= 40; { // the kernel gives up there, too
		next := rest[0]
		rest = rest[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		visit(at, next)
		path := filepath.Join(at, next)
		target := readlink(path)
		if target == "" {
			at = path
			continue
		}
		if links++; filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at
}

// readWatched reads a regular file, up to a byte more than is ever taken.
func readWatched(name string) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe would block
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, errors.New("not a regular file")
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, info, err
	}
	if len(text) == 0 {
		return nil, info, errors.New("empty")
	}
	return text, info, nil
}

// trouble is what is wrong with a file that was read, or "".
func trouble(info fs.FileInfo, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case err != nil:
		return reason(err)
	case links(info) == 0:
		return "replaced where the mount of this one file does not show it: mount its directory instead"
	}
	return ""
}

// reason is an error without the name of the file.
func reason(err error) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return err.Error()
}

// same tells whether nothing about a file moved. It does not see two writes within one tick of the kernel's clock.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && links(a) == links(b)
}

// SingleFileMount tells whether a file is a mount of its own, as `docker run -v ./a.hcl:/etc/a.hcl` makes it. Such a
// mount holds on to the file it was made from: when that is replaced by another one, as most editors and tools do, the
// mount goes on showing the old one. It is false where the kernel does not tell.
func SingleFileMount(name string) bool {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	at := resolve(name, readlink, func(string, string) {})
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && unescape.Replace(fields[4]) == at {
			info, err := os.Stat(at)
			return err == nil && !info.IsDir()
		}
	}
	return false
}
