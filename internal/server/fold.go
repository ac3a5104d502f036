package server

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// entry is one line of the log.
type entry struct {
	level hclog.Level
	msg   string
	args  []any
}

// key is the same for lines that say the same: a port or a counter in nats-server's words makes no difference, another
// node or address does.
func (e entry) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %q", e.level, e.msg)
	for i := 0; i+1 < len(e.args); i += 2 {
		value := fmt.Sprint(e.args[i+1])
		if e.args[i] == "line" || e.args[i] == "reason" {
			value = digits.ReplaceAllString(value, "#")
		}
		fmt.Fprintf(&b, " %v=%q", e.args[i], value)
	}
	return b.String()
}

var digits = regexp.MustCompile(`[0-9]+`)

// folder writes a line at once and counts its repeats, which it reports at growing intervals: a peer with a wrong
// password writes some thirty lines a second.
type folder struct {
	log hclog.Logger

	mu   sync.Mutex
	seen map[string]*repeats
}

// repeats counts one line.
type repeats struct {
	entry
	n        int
	since    time.Time
	interval int // index in foldIntervals
}

// foldIntervals is when the repeats of a line are reported: the first after ten seconds, then slower.
var foldIntervals = [...]time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}

// foldLimit is how many different lines are told apart. Whoever can reach a port can make lines.
const foldLimit = 256

func newFolder(log hclog.Logger) *folder { return &folder{log: log, seen: map[string]*repeats{}} }

func (f *folder) add(e entry) {
	if e.level <= hclog.Debug {
		f.log.Log(e.level, e.msg, e.args...)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.seen[e.key()]; r != nil {
		r.n++
		return
	}
	if len(f.seen) >= foldLimit {
		e = entry{level: hclog.Warn, msg: "too many different lines from nats-server, left some out"}
		if r := f.seen[e.key()]; r != nil {
			r.n++
			return
		}
	}
	f.seen[e.key()] = &repeats{entry: e, since: time.Now()}
	f.log.Log(e.level, e.msg, e.args...)
}

// flush reports the repeats whose time has come, and forgets the lines that did not come again. It is called about
// once a second.
func (f *folder) flush(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, r := range f.seen {
		if now.Sub(r.since) < foldIntervals[r.interval] {
			continue
		}
		if r.n == 0 {
			delete(f.seen, key)
			continue
		}
		r.report(f.log, now)
		r.n, r.since = 0, now
		r.interval = min(r.interval+1, len(foldIntervals)-1)
	}
}

// close reports what was not reported yet.
func (f *folder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.seen {
		if r.n > 0 {
			r.report(f.log, time.Now())
		}
	}
	clear(f.seen)
}

func (r *repeats) report(log hclog.Logger, now time.Time) {
	args := append(r.args[:len(r.args):len(r.args)], "repeated", r.n, "within", now.Sub(r.since).Round(time.Second).String())
	log.Log(r.level, r.msg, args...)
}
