package hclconf

import (
	"fmt"
	"net"
	"strings"

	"unibus/config/schema"
)

// Self finds the node that a host is: the one that is asked for by name, else the one whose hostname is the host's, else
// the one whose label is, else the one whose label is the first part of the host's name. Case does not matter. It never
// guesses from addresses, because public ones usually sit behind NAT; they only help to word the diagnostic.
func (c *Config) Self(asked, host string) (*schema.Node, *Diagnostic) {
	nodes := c.Topology.Nodes()
	if asked != "" {
		if _, n := c.Topology.Node(asked); n != nil {
			return n, nil
		}
		d := c.notHere(fmt.Sprintf("the file has no node %q", asked), nodes)
		if best := closest(asked, labels(nodes)); best != "" {
			d.Hint = fmt.Sprintf("did you mean --node %s?", best)
		}
		return nil, d
	}
	short, _, _ := strings.Cut(host, ".")
	for _, is := range []func(*schema.Node) bool{
		func(n *schema.Node) bool { return n.Hostname != "" && strings.EqualFold(n.Hostname, host) },
		func(n *schema.Node) bool { return strings.EqualFold(n.Name, host) },
		func(n *schema.Node) bool { return n.Hostname == "" && strings.EqualFold(n.Name, short) },
	} {
		for _, n := range nodes {
			if is(n) {
				return n, nil
			}
		}
	}
	d := c.notHere(fmt.Sprintf("this host calls itself %q, which is no node of the file", host), nodes)
	d.Hint = fmt.Sprintf("add hostname = %q to the node that this host is, or start with --node NAME", host)
	if best := closest(short, labels(nodes)); best != "" {
		d.Hint = fmt.Sprintf("if this is %s: add hostname = %q to that node, or start with --node %s", best, host, best)
	}
	for _, n := range nodes {
		if name := interfaceWith(n.Address); name != "" {
			d.Hint = fmt.Sprintf("%s has %s, the address of %s: add hostname = %q to that node, or start with --node %s", name, n.Address, n.Name, host, n.Name)
		}
	}
	return nil, d
}

func (c *Config) notHere(detail string, nodes []*schema.Node) *Diagnostic {
	d := c.Problem(c.Topology.Clusters[0], CodeHost, detail, "")
	at, _ := c.At(c.Topology.Clusters[0])
	at.Filename = c.Name
	d.Related = []Related{{Message: "the nodes: " + nodeNames(nodes), Range: at}}
	return &d
}

func labels(nodes []*schema.Node) []string {
	all := make([]string, len(nodes))
	for i, n := range nodes {
		all[i] = n.Name
	}
	return all
}

// interfaceWith is the name of the local interface that carries an address, or "".
func interfaceWith(address string) string {
	want := net.ParseIP(address)
	all, _ := net.Interfaces()
	for _, i := range all {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if ip, _, err := net.ParseCIDR(a.String()); err == nil && want != nil && ip.Equal(want) && !ip.IsLoopback() {
				return i.Name
			}
		}
	}
	return ""
}
