//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// namespace is a network namespace and the UTS namespace, which holds the hostname, that goes with it. Neither has a name:
// they live while these files are open or a process is inside.
type namespace struct {
	net, uts *os.File
}

// newNamespace makes both. There is no network in it but a loopback interface that is down.
func newNamespace(hostname string) (ns *namespace, err error) {
	err = onThread(func() error {
		if err := syscall.Unshare(syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		if err := syscall.Sethostname([]byte(hostname)); err != nil {
			return os.NewSyscallError("sethostname", err)
		}
		ns, err = current()
		return err
	})
	return ns, err
}

// current is where the calling thread is.
func current() (*namespace, error) {
	network, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	uts, err := os.Open("/proc/thread-self/ns/uts")
	if err != nil {
		network.Close()
		return nil, err
	}
	return &namespace{net: network, uts: uts}, nil
}

// enter moves the calling thread. Only onThread may end up around it.
func (ns *namespace) enter() error {
	return errors.Join(setns(ns.net, syscall.CLONE_NEWNET), setns(ns.uts, syscall.CLONE_NEWUTS))
}

func (ns *namespace) close() {
	ns.net.Close()
	ns.uts.Close()
}

// do calls f inside. Goroutines that f starts are outside.
func (ns *namespace) do(f func() error) error {
	return onThread(func() error {
		if err := ns.enter(); err != nil {
			return err
		}
		return f()
	})
}

// run runs a command inside, to which input is written.
func (ns *namespace) run(input, name string, args ...string) error {
	return ns.do(func() error {
		cmd := exec.Command(name, args...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
		}
		return nil
	})
}

// onThread calls f on a thread of its own that f may move to other namespaces, and brings the thread back. It must come
// back rather than end, because the kernel kills Command's processes (Pdeathsig) with the thread that started them.
func onThread(f func() error) (err error) {
	runtime.LockOSThread()
	home, err := current()
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		back := home.enter()
		home.close()
		if back != nil { // still locked: the runtime ends the stray thread with this goroutine
			err = errors.Join(err, back)
			return
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// path names an open file for other processes.
func path(f *os.File) string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), int(f.Fd()))
}

// sysSetns is the number of setns(2) by architecture. Package syscall was frozen before amd64 got one.
var sysSetns = map[string]uintptr{"amd64": 308, "arm64": 268}

func setns(f *os.File, kind uintptr) error {
	_, _, errno := syscall.Syscall(sysSetns[runtime.GOARCH], f.Fd(), kind, 0)
	if errno != 0 {
		return os.NewSyscallError("setns", errno)
	}
	return nil
}
