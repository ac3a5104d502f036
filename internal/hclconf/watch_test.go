package hclconf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"
)

// eventsOnly never polls, so that only events can bring a change.
var eventsOnly = pace{
	step: 10 * time.Millisecond, settle: 50 * time.Millisecond, longest: time.Hour,
	poll: time.Hour, blind: time.Hour, reread: time.Hour,
}

// pollOnly is for what has no events.
var pollOnly = pace{
	step: 10 * time.Millisecond, settle: 50 * time.Millisecond, longest: time.Hour,
	poll: 10 * time.Millisecond, blind: 10 * time.Millisecond, reread: time.Hour,
}

// slowWriter settles so late that a test can look at what is on the way.
var slowWriter = pace{
	step: 10 * time.Millisecond, settle: 500 * time.Millisecond, longest: time.Hour,
	poll: time.Hour, blind: time.Hour, reread: time.Hour,
}

// version is the n-th content of a file, long enough that a part of it could be read.
func version(n int) []byte {
	return fmt.Appendf(nil, "version %d\n%s\nend %d\n", n, strings.Repeat("0123456789abcdef\n", 4096), n)
}

// TestWatchReplace goes through every way in which a file gets replaced: the first and the second update are each one
// change, and what is no change is none.
func TestWatchReplace(t *testing.T) {
	noLeaks(t)
	type way struct {
		name   string
		file   string              // below the directory; "unibus.hcl" when empty
		setup  func(d *dir)        // makes the file with version(0); only writes it when nil
		update func(d *dir, n int) // makes the content version(n)
		same   bool                // update changes nothing
		unseen bool                // nor is it a reason to look
		pace   pace                // eventsOnly when zero
		root   bool
	}
	ways := []way{
		{name: "in place", update: func(d *dir, n int) { d.overwrite("unibus.hcl", version(n)) }},
		{name: "truncate and write (scp, cp, >)", update: func(d *dir, n int) { d.write("unibus.hcl", version(n)) }},
		{
			name: "slow write in four parts",
			pace: slowWriter,
			update: func(d *dir, n int) {
				text := version(n)
				f := d.create("unibus.hcl")
				for i := range 4 {
					d.append(f, text[i*len(text)/4:(i+1)*len(text)/4])
					d.saw("unibus.hcl", text[:(i+1)*len(text)/4])
				}
				d.check(f.Close())
			},
		},
		{name: "rename over", update: func(d *dir, n int) { d.replace("unibus.hcl", version(n)) }},
		{name: "rename over from another directory (mv)", update: func(d *dir, n int) {
			d.mkdir("elsewhere")
			d.write("elsewhere/new", version(n))
			d.rename("elsewhere/new", "unibus.hcl")
		}},
		{name: "rsync", update: func(d *dir, n int) {
			d.write(".unibus.hcl.Xy12Zq", version(n))
			d.check(os.Chtimes(d.path(".unibus.hcl.Xy12Zq"), time.Unix(1, 0), time.Unix(1, 0))) // -t: the same time each time
			d.rename(".unibus.hcl.Xy12Zq", "unibus.hcl")
		}},
		{name: "ansible", update: func(d *dir, n int) {
			d.write(".ansible_tmpabcdunibus.hcl", version(n))
			d.check(os.Chmod(d.path(".ansible_tmpabcdunibus.hcl"), 0o640))
			d.rename(".ansible_tmpabcdunibus.hcl", "unibus.hcl")
			d.check(os.Chmod(d.path("unibus.hcl"), 0o644))
		}},
		{name: "sed -i", update: func(d *dir, n int) {
			f := d.create("sedAbC123")
			d.check(f.Chmod(0o600))
			d.append(f, version(n))
			d.check(f.Close())
			d.rename("sedAbC123", "unibus.hcl")
		}},
		{name: "vim, backup by rename", update: func(d *dir, n int) {
			d.write("4913", nil) // may I write here?
			d.remove("4913")
			d.rename("unibus.hcl", "unibus.hcl~")
			d.write("unibus.hcl", version(n))
			d.check(os.Chmod(d.path("unibus.hcl"), 0o644))
			d.remove("unibus.hcl~")
		}},
		{name: "vim, backup by copy", update: func(d *dir, n int) {
			d.write("unibus.hcl~", version(n-1))
			d.write("unibus.hcl", version(n))
			d.remove("unibus.hcl~")
		}},
		{name: "emacs, backup by link", update: func(d *dir, n int) {
			d.check(os.Link(d.path("unibus.hcl"), d.path(fmt.Sprintf("unibus.hcl.~%d~", n))))
			d.replace("unibus.hcl", version(n))
		}},
		{name: "unlink and create (git checkout, dpkg)", update: func(d *dir, n int) {
			d.remove("unibus.hcl")
			d.write("unibus.hcl", version(n))
		}},
		{name: "unlink, pause, create", update: func(d *dir, n int) {
			d.remove("unibus.hcl")
			d.trouble("unibus.hcl missing")
			d.write("unibus.hcl", version(n))
			d.trouble()
		}},
		{name: "truncate, pause, write", update: func(d *dir, n int) {
			f := d.create("unibus.hcl")
			d.trouble("unibus.hcl empty")
			d.append(f, version(n))
			d.check(f.Close())
		}},
		{
			name: "ConfigMap",
			setup: func(d *dir) {
				d.mkdir("..2026_0")
				d.write("..2026_0/unibus.hcl", version(0))
				d.link("..2026_0", "..data")
				d.link("..data/unibus.hcl", "unibus.hcl")
			},
			update: func(d *dir, n int) {
				d.mkdir(fmt.Sprintf("..2026_%d", n))
				d.write(fmt.Sprintf("..2026_%d/unibus.hcl", n), version(n))
				d.link(fmt.Sprintf("..2026_%d", n), "..data_tmp")
				d.rename("..data_tmp", "..data")
				d.remove(fmt.Sprintf("..2026_%d", n-1))
			},
		},
		{
			name: "symlink retargeted",
			setup: func(d *dir) {
				d.mkdir("a", "b")
				d.write("a/0.hcl", version(0))
				d.link("a/0.hcl", "unibus.hcl")
			},
			update: func(d *dir, n int) {
				target := []string{"a", "b"}[n%2] + fmt.Sprintf("/%d.hcl", n)
				d.write(target, version(n))
				d.remove("unibus.hcl")
				d.link(target, "unibus.hcl")
			},
		},
		{
			name: "symlink retargeted, then edited",
			setup: func(d *dir) {
				d.mkdir("a", "b")
				d.write("a/0.hcl", version(0))
				d.link("a/0.hcl", "unibus.hcl")
			},
			update: func(d *dir, n int) {
				if n%2 == 0 {
					d.write("b/new.hcl", version(n))
					return
				}
				d.write("b/new.hcl", version(n))
				d.link("b/new.hcl", "tmp")
				d.rename("tmp", "unibus.hcl")
			},
		},
		{
			name: "symlink, target edited",
			setup: func(d *dir) {
				d.mkdir("a", "b")
				d.write("a/real.hcl", version(0))
				d.link("../a/real.hcl", "b/hop.hcl")
				d.link("b/hop.hcl", "unibus.hcl")
			},
			update: func(d *dir, n int) { d.overwrite("unibus.hcl", version(n)) },
		},
		{
			name: "symlink, target renamed over",
			setup: func(d *dir) {
				d.mkdir("a")
				d.write("a/real.hcl", version(0))
				d.link("a/real.hcl", "unibus.hcl")
			},
			update: func(d *dir, n int) { d.replace("a/real.hcl", version(n)) },
		},
		{
			name: "release directory switched",
			file: "current/conf/unibus.hcl",
			setup: func(d *dir) {
				d.mkdir("releases/0/conf")
				d.write("releases/0/conf/unibus.hcl", version(0))
				d.link("releases/0", "current")
			},
			update: func(d *dir, n int) {
				release := fmt.Sprintf("releases/%d", n)
				d.mkdir(release + "/conf")
				d.write(release+"/conf/unibus.hcl", version(n))
				d.link(release, "tmp")
				d.rename("tmp", "current")
			},
		},
		{
			name:  "parent directory swapped",
			file:  "etc/unibus.hcl",
			setup: func(d *dir) { d.mkdir("etc"); d.write("etc/unibus.hcl", version(0)) },
			update: func(d *dir, n int) {
				d.mkdir("new")
				d.write("new/unibus.hcl", version(n))
				d.rename("etc", fmt.Sprintf("old%d", n))
				d.rename("new", "etc")
			},
		},
		{
			name:  "grandparent directory swapped",
			file:  "a/b/c/unibus.hcl",
			setup: func(d *dir) { d.mkdir("a/b/c"); d.write("a/b/c/unibus.hcl", version(0)) },
			update: func(d *dir, n int) {
				d.mkdir("new/b/c")
				d.write("new/b/c/unibus.hcl", version(n))
				d.rename("a", fmt.Sprintf("old%d", n))
				d.rename("new", "a")
			},
		},
		{
			name:  "directory deleted and made again", // with the inode of the old one, on ext4
			file:  "etc/unibus.hcl",
			setup: func(d *dir) { d.mkdir("etc"); d.write("etc/unibus.hcl", version(0)) },
			update: func(d *dir, n int) {
				d.remove("etc")
				d.saw("etc/unibus.hcl", nil)
				read := d.lastRead()
				d.mkdir("etc")
				d.quietSince(read)
				d.write("etc/unibus.hcl", version(n))
			},
		},
		{name: "deleted, and back with another content", update: func(d *dir, n int) {
			d.rename("unibus.hcl", "away")
			d.trouble("unibus.hcl missing")
			d.replace("unibus.hcl", version(n))
		}},
		{name: "deleted, and back as it was", same: true, update: func(d *dir, _ int) {
			d.rename("unibus.hcl", "away")
			d.trouble("unibus.hcl missing")
			d.rename("away", "unibus.hcl")
			d.trouble()
		}},
		{name: "other content for a moment", same: true, pace: slowWriter, update: func(d *dir, _ int) {
			before := d.read("unibus.hcl")
			d.replace("unibus.hcl", []byte("half"))
			d.saw("unibus.hcl", []byte("half"))
			d.replace("unibus.hcl", before)
		}},
		{name: "chmod", same: true, update: func(d *dir, n int) {
			d.check(os.Chmod(d.path("unibus.hcl"), []os.FileMode{0o600, 0o644}[n%2]))
		}},
		{name: "touch", same: true, update: func(d *dir, _ int) {
			d.check(os.Chtimes(d.path("unibus.hcl"), time.Now(), time.Now()))
		}},
		{name: "the same bytes in place", same: true, update: func(d *dir, _ int) {
			d.overwrite("unibus.hcl", d.read("unibus.hcl"))
		}},
		{name: "the same bytes, renamed over", same: true, update: func(d *dir, _ int) {
			d.replace("unibus.hcl", d.read("unibus.hcl"))
		}},
		{name: "another file in the directory", same: true, unseen: true, update: func(d *dir, n int) {
			d.write("unibus.hcl.bak", version(100+n))
		}},
		{
			name: "bind mount of the file", root: true,
			pace: pollOnly,
			setup: func(d *dir) {
				d.write("host.hcl", version(0))
				d.write("unibus.hcl", nil)
				d.bind("host.hcl", "unibus.hcl")
			},
			update: func(d *dir, n int) { d.write("host.hcl", version(n)) },
		},
		{
			name: "bind mount of the directory", root: true,
			file: "mount/unibus.hcl",
			setup: func(d *dir) {
				d.mkdir("host", "mount")
				d.write("host/unibus.hcl", version(0))
				d.bind("host", "mount")
			},
			update: func(d *dir, n int) { d.replace("host/unibus.hcl", version(n)) },
		},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			if way.root && os.Getuid() != 0 {
				t.Skip("only root can mount")
			}
			if way.file == "" {
				way.file = "unibus.hcl"
			}
			if way.setup == nil {
				way.setup = func(d *dir) { d.write("unibus.hcl", version(0)) }
			}
			if way.pace == (pace{}) {
				way.pace = eventsOnly
			}
			d := newDir(t, way.file, way.pace)
			way.setup(d)
			d.watcher.Loaded(version(0), nil)
			d.watch()
			var want []string
			for n := 1; n <= 2; n++ {
				read := d.lastRead()
				way.update(d, n)
				if way.same {
					if !way.unseen {
						d.quietSince(read)
					}
					continue
				}
				want = append(want, d.file+" version "+fmt.Sprint(n))
				d.reported(want...)
			}
			// One more shows by its place that nothing else was reported before it.
			if way.same {
				d.replace(d.file, version(3))
			} else {
				way.update(d, 3)
			}
			d.reported(append(want, d.file+" version 3")...)
		})
	}
}

// TestWatchStorm writes faster than anything can be read: the last content counts, and it does not take many reports.
func TestWatchStorm(t *testing.T) {
	noLeaks(t)
	for name, write := range map[string]func(d *dir, name string, text []byte){"in place": (*dir).write, "renamed over": (*dir).replace} {
		t.Run(name, func(t *testing.T) {
			d := newDir(t, "unibus.hcl", eventsOnly)
			d.write("unibus.hcl", version(0))
			d.watcher.Loaded(version(0), nil)
			d.watch()
			start := time.Now()
			for n := 1; n <= 300; n++ {
				write(d, "unibus.hcl", version(n))
			}
			most := 1 + int(time.Since(start)/eventsOnly.settle) // for a disk that pauses
			d.eventually(func() error {
				all := d.reports()
				if len(all) == 0 || all[len(all)-1] != "unibus.hcl version 300" {
					return fmt.Errorf("reported %q", all)
				}
				return nil
			})
			if all := d.reports(); len(all) > most {
				t.Errorf("%d reports of 300 writes: %q", len(all), all)
			}
		})
	}
}

// TestWatchLongest touches a file all the time: what is new in it is not held back for ever.
func TestWatchLongest(t *testing.T) {
	noLeaks(t)
	p := eventsOnly
	p.settle, p.longest = 200*time.Millisecond, 10*time.Millisecond
	d := newDir(t, "unibus.hcl", p)
	d.write("unibus.hcl", version(0))
	d.watcher.Loaded(version(0), nil)
	d.watch()
	d.overwrite("unibus.hcl", version(1))
	d.eventually(func() error {
		d.check(os.Chtimes(d.path("unibus.hcl"), time.Now(), time.Now()))
		if len(d.reports()) == 0 {
			return errors.New("nothing reported")
		}
		return nil
	})
	d.reported("unibus.hcl version 1")
}

// TestWatchOtherFiles changes the files that the file names.
func TestWatchOtherFiles(t *testing.T) {
	noLeaks(t)
	d := newDir(t, "unibus.hcl", slowWriter)
	d.mkdir("tls", "secrets")
	load := func(names ...string) {
		also := map[string][]byte{}
		for _, name := range names {
			also[d.path(name)], _ = os.ReadFile(d.path(name))
		}
		d.watcher.Loaded(d.read("unibus.hcl"), also)
	}
	for _, name := range []string{"unibus.hcl", "tls/cert.pem", "tls/key.pem"} {
		d.write(name, version(0))
	}
	load("tls/cert.pem", "tls/key.pem", "secrets/route")
	d.watch()
	d.trouble("secrets/route missing")

	d.replace("tls/cert.pem", version(1)) // a certificate and its key are one change
	d.replace("tls/key.pem", version(1))
	want := []string{"tls/cert.pem tls/key.pem version 0"}
	d.reported(want...)

	d.write("secrets/route", version(1))
	want = append(want, "secrets/route version 0")
	d.reported(want...)
	d.trouble()

	load("tls/cert.pem", "secrets/more") // the key and the secret are no longer named
	read := d.lastRead()
	d.replace("tls/key.pem", version(2))
	d.replace("secrets/route", version(2))
	d.quietSince(read)
	d.write("secrets/more", version(1))
	want = append(want, "secrets/more version 0")
	d.reported(want...)

	d.watcher.Loaded(d.read("unibus.hcl"), nil) // the others as before
	d.replace("unibus.hcl", version(2))
	d.replace("tls/cert.pem", version(2))
	want = append(want, "tls/cert.pem unibus.hcl version 2")
	d.reported(want...)
}

// TestWatchLoaded loads by hand what Watch is about to see.
func TestWatchLoaded(t *testing.T) {
	noLeaks(t)
	d := newDir(t, "unibus.hcl", slowWriter)
	d.write("unibus.hcl", version(0))
	d.watch()
	d.reported("unibus.hcl version 0") // nothing had been loaded
	for n := 1; n <= 20; n++ {
		d.replace("unibus.hcl", version(n))
		d.watcher.Loaded(version(n), nil)
		read := d.lastRead()
		d.watcher.Loaded(version(n), nil)
		d.quietSince(read)
	}
	d.reported("unibus.hcl version 0")
	d.watcher.Loaded(version(5), nil) // a reload that came late with an old text
	d.reported("unibus.hcl version 0", "unibus.hcl version 20")
}

// TestWatchPolling has no events for a while.
func TestWatchPolling(t *testing.T) {
	noLeaks(t)
	d := newDir(t, "unibus.hcl", pollOnly)
	var full atomic.Bool
	full.Store(true)
	d.watcher.open = func() (*fsnotify.Watcher, error) {
		if full.Load() {
			return nil, fmt.Errorf("init: %w", syscall.EMFILE)
		}
		return fsnotify.NewWatcher()
	}
	state := func(want string) {
		t.Helper()
		d.eventually(func() error {
			if got := d.watcher.State().String(); got != want {
				return fmt.Errorf("state %q, want %q", got, want)
			}
			return nil
		})
	}
	d.write("unibus.hcl", version(0))
	d.watcher.Loaded(version(0), nil)
	d.watch()
	state("polling, inotify limit")
	d.replace("unibus.hcl", version(1))
	d.reported("unibus.hcl version 1")
	full.Store(false)
	state("events")
}

// TestWatchUnreadableDirectory may read a file, but not the directory it is in.
func TestWatchUnreadableDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	noLeaks(t)
	d := newDir(t, "etc/unibus.hcl", pollOnly)
	d.mkdir("etc")
	d.write("etc/unibus.hcl", version(0))
	d.check(os.Chmod(d.path("etc"), 0o311))
	t.Cleanup(func() { d.check(os.Chmod(d.path("etc"), 0o755)) })
	d.watcher.Loaded(version(0), nil)
	d.watch()
	if got, want := d.watcher.State().String(), "polling, "+d.path("etc")+" may not be read"; got != want {
		t.Errorf("state %q, want %q", got, want)
	}
	d.replace("etc/unibus.hcl", version(1))
	d.reported("etc/unibus.hcl version 1")
}

// TestWatchReread puts the time of a file back after a write, and has no events.
func TestWatchReread(t *testing.T) {
	noLeaks(t)
	p := pollOnly
	p.reread = 50 * time.Millisecond
	d := newDir(t, "unibus.hcl", p)
	d.watcher.open = func() (*fsnotify.Watcher, error) { return nil, syscall.ENOSPC }
	d.write("unibus.hcl", version(0))
	d.watcher.Loaded(version(0), nil)
	d.watch()
	info, err := os.Stat(d.path("unibus.hcl"))
	d.check(err)
	d.overwrite("unibus.hcl", version(1))
	d.check(os.Chtimes(d.path("unibus.hcl"), info.ModTime(), info.ModTime()))
	d.reported("unibus.hcl version 1")
}

// TestWatchLostEvents breaks the source of events.
func TestWatchLostEvents(t *testing.T) {
	noLeaks(t)
	for name, lose := range map[string]func(*fsnotify.Watcher) error{
		"overflow": func(w *fsnotify.Watcher) error { w.Errors <- fsnotify.ErrEventOverflow; return nil },
		"closed":   (*fsnotify.Watcher).Close,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDir(t, "unibus.hcl", eventsOnly)
			opened := make(chan *fsnotify.Watcher, 10)
			d.watcher.open = func() (*fsnotify.Watcher, error) {
				w, err := fsnotify.NewWatcher()
				opened <- w
				return w, err
			}
			d.write("unibus.hcl", version(0))
			d.watcher.Loaded(version(0), nil)
			d.watch()
			d.check(lose(<-opened))
			<-opened
			d.replace("unibus.hcl", version(1))
			d.reported("unibus.hcl version 1")
		})
	}
}

// TestWatchTrouble has files that cannot be read.
func TestWatchTrouble(t *testing.T) {
	noLeaks(t)
	d := newDir(t, "unibus.hcl", eventsOnly)
	d.watch()
	d.trouble("unibus.hcl missing")
	since := d.watcher.State().Troubles[0].Since
	d.check(syscall.Mkfifo(d.path("unibus.hcl"), 0o600))
	d.trouble("unibus.hcl not a regular file")
	if now := d.watcher.State().Troubles[0].Since; !now.After(since) {
		t.Errorf("new trouble since %v, the one before since %v", now, since)
	}
	d.remove("unibus.hcl")
	d.mkdir("unibus.hcl")
	d.trouble("unibus.hcl not a regular file")
	d.remove("unibus.hcl")
	d.link("unibus.hcl", "unibus.hcl")
	d.trouble("unibus.hcl too many levels of symbolic links")
	d.remove("unibus.hcl")
	d.write("unibus.hcl", nil)
	d.trouble("unibus.hcl empty")
	d.replace("unibus.hcl", version(1))
	d.trouble()
	d.reported("unibus.hcl version 1")
}

// TestWatchStaleMount replaces a file below a mount of the file alone.
func TestWatchStaleMount(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	noLeaks(t)
	d := newDir(t, "unibus.hcl", pollOnly)
	d.write("host.hcl", version(0))
	d.write("unibus.hcl", nil)
	d.mkdir("with space")
	d.link("unibus.hcl", "link.hcl")
	if SingleFileMount(d.path("unibus.hcl")) {
		t.Error("a plain file is a mount")
	}
	d.bind("host.hcl", "unibus.hcl")
	d.bind("with space", "with space")
	for name, want := range map[string]bool{"unibus.hcl": true, "link.hcl": true, "host.hcl": false, "with space": false, "none": false} {
		if got := SingleFileMount(d.path(name)); got != want {
			t.Errorf("SingleFileMount(%s) = %v", name, got)
		}
	}
	d.watcher.Loaded(version(0), nil)
	d.watch()
	d.replace("host.hcl", version(1))
	d.trouble("unibus.hcl replaced where the mount of this one file does not show it: mount its directory instead")
	d.reported()
}

// TestResolve compares with what the kernel makes of a path.
func TestResolve(t *testing.T) {
	d := newDir(t, "unibus.hcl", eventsOnly)
	d.mkdir("a/b", "c")
	d.write("a/b/file", version(0))
	d.link("a/b", "ab")
	d.link("../ab/../b/file", "c/file")
	d.link(d.path("c"), "a/c")
	for _, name := range []string{"a/b/file", "ab/file", "ab/../b/file", "c/file", "a/c/file", "a/c/../ab/./file"} {
		want, err := filepath.EvalSymlinks(d.root + "/" + name)
		d.check(err)
		if got := resolve(d.root+"/"+name, readlink, func(string, string) {}); got != want {
			t.Errorf("resolve(%s) = %s, want %s", name, got, want)
		}
	}
	var visited []string
	resolve(d.path("a/c/none/below"), readlink, func(dir, _ string) {
		if rel, ok := strings.CutPrefix(dir, d.root); ok {
			visited = append(visited, rel)
		}
	})
	if want := []string{"", "/a", "", "/c", "/c/none"}; !slices.Equal(visited, want) {
		t.Errorf("visited %q, want %q", visited, want)
	}
	_, on := directories([]string{d.path("a/c/none/below"), d.path("c/file")})
	for name, want := range map[string]bool{"a": true, "c": true, "none": true, "below": true, "ab": true, "b": true, "file": true, filepath.Base(d.root): true, "file.bak": false} {
		if on[name] != want {
			t.Errorf("an event about %s counts: %v, want %v", name, on[name], want)
		}
	}
}

// BenchmarkWatch is the time from the rename of a file to the report of its new content.
func BenchmarkWatch(b *testing.B) {
	d := newDir(b, "unibus.hcl", usualPace)
	d.write("unibus.hcl", version(0))
	d.watcher.Loaded(version(0), nil)
	d.watch()
	var all []time.Duration
	for n := 1; b.Loop(); n++ {
		d.write("new", version(n))
		start := time.Now()
		d.rename("new", "unibus.hcl")
		<-d.changed
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// dir is a directory with a file that is watched.
type dir struct {
	t       testing.TB
	root    string
	file    string // below root
	watcher *Watcher
	changed chan struct{} // gets one for every change

	mu      sync.Mutex
	changes []string
}

func newDir(t testing.TB, file string, p pace) *dir {
	root, err := filepath.EvalSymlinks(t.TempDir())
	d := &dir{t: t, root: root, file: file, changed: make(chan struct{}, 1000)}
	d.check(err)
	d.watcher = NewWatcher(d.path(file))
	d.watcher.pace = p
	return d
}

// watch watches until the test ends. It returns after the first look.
func (d *dir) watch() {
	d.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- d.watcher.Watch(ctx, d.note) }()
	d.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			d.t.Errorf("Watch: %v", err)
		}
	})
	d.eventually(func() error {
		if d.lastRead().IsZero() {
			return errors.New("no look yet")
		}
		return nil
	})
}

// note takes down a change as its names and the first line of the text, if the last line fits.
func (d *dir) note(c Change) {
	var names []string
	for _, name := range c.Names {
		rel, _ := filepath.Rel(d.root, name)
		names = append(names, rel)
	}
	first, _, _ := strings.Cut(string(c.Text), "\n")
	if !slices.Equal(c.Text, version(number(first))) {
		first = fmt.Sprintf("%d bytes from %q", len(c.Text), first)
	}
	d.mu.Lock()
	d.changes = append(d.changes, strings.Join(names, " ")+" "+first)
	d.mu.Unlock()
	d.changed <- struct{}{}
}

func number(first string) (n int) {
	_, _ = fmt.Sscanf(first, "version %d", &n)
	return n
}

func (d *dir) reports() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.changes)
}

// reported waits until there are as many reports as wanted, which have to be those.
func (d *dir) reported(want ...string) {
	d.t.Helper()
	d.eventually(func() error {
		if got := d.reports(); len(got) < len(want) {
			return fmt.Errorf("reported %q, want %q", got, want)
		}
		return nil
	})
	if got := d.reports(); !slices.Equal(got, want) {
		d.t.Fatalf("reported %q, want %q", got, want)
	}
}

// saw waits until a look found a content.
func (d *dir) saw(name string, text []byte) {
	d.t.Helper()
	d.eventually(func() error {
		d.watcher.mu.Lock()
		defer d.watcher.mu.Unlock()
		if d.watcher.files[d.path(name)].seen != sumOf(text) {
			return fmt.Errorf("not yet %d bytes in %s", len(text), name)
		}
		return nil
	})
}

// trouble waits until this is all trouble there is.
func (d *dir) trouble(want ...string) {
	d.t.Helper()
	d.eventually(func() error {
		var got []string
		for _, t := range d.watcher.State().Troubles {
			rel, _ := filepath.Rel(d.root, t.Name)
			got = append(got, rel+" "+t.Why)
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			return fmt.Errorf("trouble %q, want %q", got, want)
		}
		return nil
	})
}

// lastRead is when the file was last looked into.
func (d *dir) lastRead() time.Time {
	d.watcher.mu.Lock()
	defer d.watcher.mu.Unlock()
	return d.watcher.files[d.path(d.file)].read
}

// quietSince waits until there was a look since, and nothing is waiting to be reported.
func (d *dir) quietSince(since time.Time) {
	d.t.Helper()
	d.eventually(func() error {
		d.watcher.mu.Lock()
		defer d.watcher.mu.Unlock()
		switch f := d.watcher.files[d.path(d.file)]; {
		case !f.read.After(since):
			return errors.New("no look yet")
		case f.seen != f.known && f.seen != (sum{}):
			return errors.New("a change is pending")
		}
		return nil
	})
}

func (d *dir) eventually(f func() error) {
	d.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	timeout := time.After(20 * time.Second)
	err := f()
	for err != nil {
		select {
		case <-tick.C:
			err = f()
		case <-timeout:
			d.t.Fatal(err)
		}
	}
}

func (d *dir) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *dir) path(name string) string { return filepath.Join(d.root, name) }

func (d *dir) read(name string) []byte {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	d.check(err)
	return text
}

// create truncates a file.
func (d *dir) create(name string) *os.File {
	d.t.Helper()
	f, err := os.Create(d.path(name))
	d.check(err)
	return f
}

func (d *dir) append(f *os.File, text []byte) {
	d.t.Helper()
	_, err := f.Write(text)
	d.check(err)
}

// write truncates a file and writes it.
func (d *dir) write(name string, text []byte) {
	d.t.Helper()
	f := d.create(name)
	d.append(f, text)
	d.check(f.Close())
}

// overwrite writes over what a file of the same length holds.
func (d *dir) overwrite(name string, text []byte) {
	d.t.Helper()
	f, err := os.OpenFile(d.path(name), os.O_WRONLY, 0)
	d.check(err)
	d.append(f, text)
	d.check(f.Close())
}

// replace writes a new file and renames it over the old one.
func (d *dir) replace(name string, text []byte) {
	d.t.Helper()
	d.write(name+".tmp", text)
	d.rename(name+".tmp", name)
}

func (d *dir) rename(from, to string) { d.t.Helper(); d.check(os.Rename(d.path(from), d.path(to))) }

func (d *dir) remove(name string) { d.t.Helper(); d.check(os.RemoveAll(d.path(name))) }

func (d *dir) link(target, name string) { d.t.Helper(); d.check(os.Symlink(target, d.path(name))) }

func (d *dir) mkdir(names ...string) {
	d.t.Helper()
	for _, name := range names {
		d.check(os.MkdirAll(d.path(name), 0o755))
	}
}

// bind mounts a file or directory over another until the test ends.
func (d *dir) bind(from, to string) {
	d.t.Helper()
	if err := syscall.Mount(d.path(from), d.path(to), "", syscall.MS_BIND, ""); err != nil {
		d.t.Skip("mount:", err)
	}
	d.t.Cleanup(func() { d.check(syscall.Unmount(d.path(to), syscall.MNT_DETACH)) })
}

// noLeaks makes sure that the test leaves no goroutine behind.
func noLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}
