package node

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"unibus/config/schema"
	"unibus/internal/hclconf"
)

const (
	// enoughFiles is a limit of open files with which a node serves some thousand clients and streams.
	enoughFiles = 8192
	// slowSync is how long the disk may take for what every acknowledged write waits for.
	slowSync = 100 * time.Millisecond
	// syncTime and syncTimes are for how long, and how often at most, it is measured.
	syncTime  = 500 * time.Millisecond
	syncTimes = 50
	// lastSpace is so little that JetStream is about to be switched off (nats-server v2.15.2, on ENOSPC).
	lastSpace = 64 << 20
)

// openFiles is the limit under which the daemon runs, or would run if it were started here.
func (e *exam) openFiles() {
	const name = "open files"
	pid := 0
	if e.vitals != nil {
		pid = e.vitals.PID
	}
	limit, ok := fileLimit(pid)
	switch {
	case !ok:
		e.skip(name, "the limit is not known on this system")
	case limit < enoughFiles:
		e.warn(name, "LimitNOFILE=1048576 in the unit, or ulimit -n", "at most %d; every client, route and stream takes some", limit)
	default:
		e.ok(name, "at most %d", limit)
	}
}

// mounts finds files that are mounted one by one into a container: whoever replaces such a file outside puts another one
// in its place, and the container keeps the old one for ever.
func (e *exam) mounts() {
	mounted, ok := mountPoints()
	if !ok {
		e.skip("mounts", "they are not known on this system")
		return
	}
	var single []string
	for _, path := range e.paths {
		abs, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		real, err := filepath.EvalSymlinks(abs)
		if err == nil && (mounted[abs] || mounted[real]) {
			single = append(single, path)
		}
	}
	if len(single) > 0 {
		e.warn("mounts", "mount the directory instead", "%s: mounted as a single file, which never shows when it is replaced outside", strings.Join(single, ", "))
		return
	}
	e.ok("mounts", "the file and the files it names are in directories, so that a replaced one is seen")
}

// ports are those that the node listens on, or will.
func (e *exam) ports() {
	if e.failed("daemon") {
		e.skip("ports", "see daemon")
		return
	}
	var ours, free []string
	for _, l := range e.conf.Listeners() {
		port := strconv.Itoa(l.Port)
		switch {
		case l.Err == nil:
			free = append(free, port)
		case errors.Is(l.Err, syscall.EADDRINUSE) && e.runs && e.holds(l.Addr):
			ours = append(ours, port)
		case errors.Is(l.Err, syscall.EADDRINUSE):
			holder := "another program"
			if pid := portHolder(l.Addr); pid > 0 {
				holder = fmt.Sprintf("process %d (%s)", pid, command(pid))
			}
			e.fail("ports", fmt.Sprintf("stop it, or set %s to another port on every host", l.Setting), "%s (%s) is taken by %s", l.Addr, l.Setting, holder)
		default:
			e.failErr("ports", l.Err)
		}
	}
	if e.failed("ports") {
		return
	}
	switch {
	case len(ours) > 0 && len(free) > 0:
		e.warn("ports", "unibus status says whether a restart is pending", "the node listens on %s, and nobody does on %s", andList(ours), andList(free))
	case len(ours) > 0:
		e.ok("ports", "the node listens on %s", andList(ours))
	default:
		e.ok("ports", "%s are free", andList(free))
	}
}

// holds tells whether the daemon has a port. Where the kernel does not say whose it is, it is the daemon's.
func (e *exam) holds(addr string) bool {
	pid := portHolder(addr)
	return pid == 0 || e.vitals == nil || pid == e.vitals.PID
}

// store looks at the directory of the node, and measures its disk where that is allowed.
func (e *exam) store() {
	if e.failed("daemon") {
		e.skip("store", "see daemon")
		return
	}
	dir := e.conf.StoreDir()
	if dir == "" {
		e.skip("store", "this node stores nothing")
		return
	}
	if e.vitals != nil && e.vitals.StoreDir != dir && e.vitals.StoreDir != "" {
		dir = e.vitals.StoreDir // --data-dir
	} else if err := e.conf.CheckStore(); err != nil {
		e.failErr("store", err)
		return
	}
	if pid := e.conf.StoreHolder(); pid != "" && !e.runs {
		e.fail("store", "a store belongs to one process; stop the other one first", "%s is in use by process %s", dir, pid)
		return
	}
	at := existing(dir)
	f, err := os.CreateTemp(at, ".unibus-doctor-*")
	switch {
	case errors.Is(err, fs.ErrPermission) && e.runs:
		e.skip("store", "%s may be written by the daemon alone", dir)
	case err != nil:
		try := "mount it so that it can be written, and make room"
		if errors.Is(err, fs.ErrPermission) {
			try = "the directory must belong to the user unibus runs as; run doctor as that user"
		}
		e.fail("store", try, "%s cannot be written: %v", at, errors.Unwrap(err))
		return
	default:
		defer func() { _ = os.Remove(f.Name()); _ = f.Close() }()
		e.fileSystem(dir, at)
		e.sync(f)
	}
	e.space(dir, at)
}

// owner looks whether the user whose store this is may read what the daemon reads. Root may read everything, and would
// find nothing wrong with what was copied as root.
func (e *exam) owner() {
	uid, gid, _, ok := ownerOf(existing(e.conf.StoreDir()))
	if os.Geteuid() != 0 || e.conf.StoreDir() == "" || !ok || uid == 0 {
		return
	}
	name, groups := fmt.Sprint(uid), []string{fmt.Sprint(gid)}
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
		if more, err := u.GroupIds(); err == nil {
			groups = append(groups, more...)
		}
	}
	paths := e.paths
	if e.node.AgeRecipient != "" {
		paths = append(paths, slices.DeleteFunc(hclconf.AgeKeys(), func(key string) bool { return key != hclconf.AgeKeyFile || !exists(key) })...)
	}
	for _, path := range paths {
		if at := deniedAt(path, uid, groups); at != "" {
			e.fail("owner", "chown "+name+": "+at, "user %s, who owns the store, cannot read %s", name, path)
		}
	}
}

// deniedAt is the file, or the directory on the way to it, that a user who is not root may not read or enter; "" when
// nothing is in the way.
func deniedAt(path string, uid uint32, groups []string) string {
	at, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	for want := fs.FileMode(4); ; want = 1 {
		owner, group, mode, ok := ownerOf(at)
		switch {
		case !ok:
			return "" // it is not there, which others say
		case owner == uid:
			mode >>= 6
		case slices.Contains(groups, fmt.Sprint(group)):
			mode >>= 3
		}
		if mode&want == 0 {
			return at
		}
		if at == filepath.Dir(at) {
			return ""
		}
		at = filepath.Dir(at)
	}
}

// fileSystem is what the store is on.
func (e *exam) fileSystem(dir, at string) {
	kind, why := fileSystem(at)
	if why != "" {
		e.warn("store", "a local disk with ext4 or xfs", "%s is on %s: %s", dir, kind, why)
		return
	}
	what := "writable"
	if at != dir {
		what = "not there yet, and can be made"
	}
	if kind != "" {
		what += ", on " + kind
	}
	e.ok("store", "%s: %s", dir, what)
}

// sync measures how long the disk takes until a write is safe.
func (e *exam) sync(f *os.File) {
	block := make([]byte, 4<<10)
	var took []time.Duration
	for end := time.Now().Add(syncTime); len(took) < syncTimes && time.Now().Before(end); {
		begin := time.Now()
		_, err := f.Write(block)
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			e.fail("fsync", "look at the disk: dmesg, smartctl", "%v", err)
			return
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	if median > slowSync && e.node.JetStream.Sync == "always" {
		e.warn("fsync", "a faster disk, or one without other load", "%s in the middle, %s at worst; every acknowledged write waits for it", brief(median), brief(worst))
		return
	}
	e.ok("fsync", "%s in the middle, %s at worst, of %d", brief(median), brief(worst), len(took))
}

// space compares what is promised with what there is.
func (e *exam) space(dir, at string) {
	free, ok := freeSpace(at)
	if !ok {
		e.skip("disk", "the free space is not known on this system")
		return
	}
	promised := e.node.JetStream.MaxFileStore
	have := schema.Size(free) + stored(dir)
	switch {
	case free < lastSpace:
		e.fail("disk", "make room: JetStream is switched off on this node when the disk is full", "%s has %s left", dir, wholeUnits(schema.Size(free)))
	case have < promised:
		e.warn("disk", "a smaller max_file_store, or a larger disk", "max_file_store is %s, and %s has room for %s", promised, dir, wholeUnits(have))
	default:
		e.ok("disk", "room for %s, of which max_file_store takes %s at most", wholeUnits(have), promised)
	}
}

// stored is how much a store holds.
func stored(dir string) schema.Size {
	var n schema.Size
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += schema.Size(info.Size())
			}
		}
		return nil
	})
	return n
}

// existing is a directory, or the nearest one above it that exists.
func existing(dir string) string {
	for !exists(dir) && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
	}
	return cmp.Or(dir, ".")
}

// wholeUnits is a size in the largest unit of which there is something.
func wholeUnits(s schema.Size) schema.Size {
	for _, unit := range []schema.Size{1 << 30, 1 << 20} {
		if s >= unit {
			return s / unit * unit
		}
	}
	return s
}

// brief is a duration with two digits that matter.
func brief(d time.Duration) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= 10*unit {
			return d.Round(unit).String()
		}
		if d >= unit {
			return d.Round(unit / 10).String()
		}
	}
	return d.String()
}
