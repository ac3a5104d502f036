package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/nats-io/jwt/v2"

	"unibus/config/schema"
)

const (
	// LinkSubject is where a node tells, in the system account, with which clusters its store is linked.
	LinkSubject = "unibus.link"
	// LinkInbox is what the inboxes of those who ask begin with.
	LinkInbox = "_UNIBUS_LINK"
	// LinkUser may ask that, and nothing else.
	LinkUser = "unibus-link"
)

// LinkPassword is the password of LinkUser. It comes from that of the gateways, from which nobody can tell that one, so
// that exactly the nodes that may link may ask. It is not set where the gateways have no password, and then nobody may.
func LinkPassword(t *schema.Topology) schema.Secret {
	g := t.Gateways
	if !t.Supercluster() || g == nil || !g.Password.IsSet() {
		return schema.Secret{}
	}
	if !g.Password.IsKnown() {
		return schema.UnknownSecret()
	}
	sum := hmac.New(sha256.New, []byte(g.Password.Reveal()))
	sum.Write([]byte(LinkSubject))
	return schema.NewSecret(hex.EncodeToString(sum.Sum(nil)))
}

// Waits is what a node runs while it waits until other clusters know it: a server that stores nothing, has no links, and
// lets in nobody but LinkUser. It listens where the gateway will be, so that clients go on to other nodes.
func (c Conf) Waits() Conf {
	t, cluster, node := *c.topology, *c.cluster, *c.node
	t.Name, t.Gateways, t.Accounts, t.Clusters = "", nil, nil, []*schema.Cluster{&cluster}
	cluster.Nodes = []*schema.Node{&node}
	node.ClientPort, node.JetStream.Enabled = node.GatewayPort, false
	c.topology, c.cluster, c.node, c.without = &t, &cluster, &node, nil
	return c
}

// linkUser is LinkUser, or nil where nobody may ask.
func (c Conf) linkUser() *schema.User {
	if !c.link.IsSet() {
		return nil
	}
	return &schema.User{
		Name: LinkUser, Password: c.link, ConnectionTypes: []string{jwt.ConnectionTypeStandard},
		Permissions: &schema.Permissions{
			Publish:   &schema.SubjectPermission{Allow: []string{LinkSubject}},
			Subscribe: &schema.SubjectPermission{Allow: []string{LinkInbox + ".>"}},
		},
	}
}

// Member tells whether the meta group counts a node, be it up or not.
func (s *Server) Member(name string) bool {
	g, ok := s.metaGroup()
	if !ok {
		return false
	}
	id := peerID(name)
	_, is := g.Peers[id]
	return is || g.ID == id
}

// peerID is what the Raft layer calls a server (nats-server v2.15.2, getHash).
func peerID(name string) string {
	const digits, length = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 8
	sum := sha256.Sum256([]byte(name))
	id := sum[:length]
	for i, b := range id {
		id[i] = digits[int(b)%len(digits)]
	}
	return string(id)
}
