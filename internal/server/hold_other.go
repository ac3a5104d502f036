//go:build !linux

package server

import (
	"errors"
	"net"
)

// HoldPorts chooses n different TCP ports of 127.0.0.1 that nobody listens on. Only Linux can keep them for the caller.
func HoldPorts(n int) (ports []int, release func(), err error) {
	for range n {
		l, lerr := net.Listen("tcp", "127.0.0.1:0")
		if lerr != nil {
			return nil, nil, lerr
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, func() {}, nil
}
