package node

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// fileLimit is how many files a process may open. The Go runtime raises its own limit to the hard one, so that is what
// counts. 0 is this process, for one that is started like it.
func fileLimit(pid int) (uint64, bool) {
	var limit syscall.Rlimit
	if pid == 0 {
		err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
		return limit.Max, err == nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			if words := strings.Fields(rest); len(words) > 1 {
				n, err := strconv.ParseUint(words[0], 10, 64)
				return n, err == nil
			}
		}
	}
	return 0, false
}

// mountPoints are the places where something is mounted, as this process sees them (proc(5), mountinfo).
func mountPoints() (map[string]bool, bool) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, false
	}
	points := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) > 4 {
			points[unescape(words[4])] = true
		}
	}
	return points, true
}

// unescape puts the characters back that the kernel writes as \040.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// The magic numbers of file systems (statfs(2)).
var fileSystems = map[uint32]struct{ name, why string }{
	0xef53:     {"ext4", ""},
	0x58465342: {"xfs", ""},
	0x9123683e: {"btrfs", ""},
	0x2fc12fc1: {"zfs", ""},
	0xf2f52010: {"f2fs", ""},
	0x6969:     {"nfs", "nats-server wants a local disk"},
	0xff534d42: {"cifs", "nats-server wants a local disk"},
	0xfe534d42: {"smb", "nats-server wants a local disk"},
	0x01021997: {"9p", "nats-server wants a local disk"},
	0x00c36400: {"ceph", "nats-server wants a local disk"},
	0x65735546: {"fuse", "nats-server wants a local disk"},
	0x794c7630: {"overlayfs", "it goes with the container"},
	0x01021994: {"tmpfs", "it is gone after a reboot"},
	0x858458f6: {"ramfs", "it is gone after a reboot"},
}

// fileSystem is the kind that a directory is on, and why it is none for a store; both are "" where nothing is known
// about it.
func fileSystem(dir string) (kind, why string) {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return "", ""
	}
	known := fileSystems[uint32(st.Type)]
	return known.name, known.why
}

// ownerOf is whose a file is, and who may do what with it.
func ownerOf(path string) (uid, gid uint32, mode fs.FileMode, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, 0, false
	}
	return st.Uid, st.Gid, info.Mode().Perm(), true
}

// freeSpace is how many bytes may still be written.
func freeSpace(dir string) (uint64, bool) {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}

// portHolder is the process that listens where somebody wants to, or 0 where the kernel does not tell.
func portHolder(addr string) int {
	want, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			w := strings.Fields(line) // sl local_address rem_address st … inode; 0A is listening
			if len(w) > 9 && w[3] == "0A" && inTheWay(want, w[1]) {
				sockets["socket:["+w[9]+"]"] = true
			}
		}
	}
	if len(sockets) == 0 {
		return 0
	}
	open, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range open {
		if target, err := os.Readlink(fd); err == nil && sockets[target] {
			pid, _ := strconv.Atoi(strings.Split(fd, "/")[2])
			return pid
		}
	}
	return 0
}

// inTheWay tells whether a listener, as the kernel writes it, keeps another from an address: "0100007F:1F90" is
// 127.0.0.1:8080, in words of the machine.
func inTheWay(want netip.AddrPort, local string) bool {
	host, port, _ := strings.Cut(local, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	raw, bad := hex.DecodeString(host)
	if err != nil || bad != nil || uint16(n) != want.Port() {
		return false
	}
	for word := range slices.Chunk(raw, 4) {
		binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return ok && (ip.IsUnspecified() || want.Addr().IsUnspecified() || ip.Unmap() == want.Addr())
}

// command is the name of a process.
func command(pid int) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(text))
}
