package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
)

// remoteReply is how a command on a host ended.
type remoteReply struct {
	Out, Err string
	Status   int
}

// remoteMain is the command remote, which stands behind ssh, rsync and the editor of runbooks: it hands its arguments to
// the test that listens on the socket in REMOTE, and ends as the test says.
func remoteMain() {
	reply, err := remote(os.Getenv("REMOTE"), os.Args[1:])
	if err != nil {
		reply = remoteReply{Err: fmt.Sprintln("remote:", err), Status: 255}
	}
	fmt.Print(reply.Out)
	fmt.Fprint(os.Stderr, reply.Err)
	os.Exit(reply.Status)
}

func remote(socket string, args []string) (reply remoteReply, err error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return reply, err
	}
	defer func() { _ = conn.Close() }()
	if err := json.NewEncoder(conn).Encode(args); err != nil {
		return reply, err
	}
	return reply, json.NewDecoder(conn).Decode(&reply)
}
