//go:build !windows

package main

import (
	"os"
	"syscall"
)

// die ends the process by a signal, as whoever sent it expects.
func die(s os.Signal) { _ = syscall.Kill(syscall.Getpid(), s.(syscall.Signal)) }
