package server

import (
	"errors"
	"os"
	"syscall"
)

// HoldPorts chooses n different TCP ports of 127.0.0.1 that nobody listens on, and keeps others from being given them until
// release is called, also while a node that listens on them restarts. Each is bound by a socket that does not listen: on
// Linux whoever sets SO_REUSEADDR, as Go does, can still listen there when it asks for the port by number, but no
// program gets it that asks for any port (inet_csk_get_port) or that connects to somewhere (__inet_hash_connect).
func HoldPorts(n int) (ports []int, release func(), err error) {
	var held []int
	release = func() {
		for _, fd := range held {
			_ = syscall.Close(fd)
		}
	}
	for range n {
		fd, port, err := bindAny()
		if err != nil {
			release()
			return nil, nil, err
		}
		held, ports = append(held, fd), append(ports, port)
	}
	return ports, release, nil
}

// bindAny makes a socket and binds it to a port that the kernel chooses.
func bindAny() (fd, port int, err error) {
	fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, os.NewSyscallError("socket", err)
	}
	err = errors.Join(
		os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)),
		os.NewSyscallError("bind", syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})))
	at, aerr := syscall.Getsockname(fd)
	if err = errors.Join(err, os.NewSyscallError("getsockname", aerr)); err != nil {
		_ = syscall.Close(fd)
		return 0, 0, err
	}
	return fd, at.(*syscall.SockaddrInet4).Port, nil
}
