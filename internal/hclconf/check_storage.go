package hclconf

import (
	"math"
	"strings"
	"time"

	"unibus/config/schema"
)

// checkJetStream compares the settings that all nodes have to agree on, and the values that only JetStream can judge.
func (l *loader) checkJetStream(e *estate) {
	var first *schema.Node
	for _, n := range e.voters {
		js := &n.JetStream
		l.checkPath(&js.StoreDir, "store_dir", js.StoreDir)
		if js.Sync != "always" && l.sound(&js.Sync) {
			if d, err := schema.ParseDuration(js.Sync); err != nil || d.Std() < time.Millisecond {
				l.errorf(&js.Sync, codeType, "sync has to be \"always\" or an interval").try("sync = \"always\" or \"10s\"")
			}
		}
		if l.written(&js.Domain) && l.sound(&js.Domain) && (js.Domain == "" || strings.ContainsAny(js.Domain, ".*> \t\n\r\f")) {
			l.errorf(&js.Domain, codeName, "domain %q is not one that NATS takes", clip(js.Domain)).try("letters, digits, dashes and underscores")
		}
		if js.MaxFileStore == 0 && js.MaxMemoryStore == 0 && !n.Arbiter {
			l.errorf(&js.MaxFileStore, codeJetStream, "node %q may store nothing", n.Name).try("max_file_store = \"10GiB\", or arbiter = true")
		}
		if first == nil {
			first = n
			continue
		}
		a, b := js, &first.JetStream
		if a.Domain != b.Domain {
			l.differ(n, first, &a.Domain, &b.Domain, "domain", a.Domain, b.Domain)
		}
		if a.UniqueTag != b.UniqueTag {
			l.differ(n, first, &a.UniqueTag, &b.UniqueTag, "unique_tag", a.UniqueTag, b.UniqueTag)
		}
	}
}

// differ reports a setting that all nodes have to agree on.
func (l *loader) differ(n, first *schema.Node, at, other *string, what, is, was string) {
	field := any(at)
	if !l.written(at) {
		field = &n.Name
	}
	l.errorf(field, codeJetStream, "node %q has %s %q and node %q has %q", n.Name, what, clip(is), first.Name, clip(was)).
		also(l, other, "that of node %q", first.Name).try("write %s once, in the cluster block", what)
}

// checkEncryption warns where replicas of one bucket lie in clear on one node and encrypted on another.
func (l *loader) checkEncryption(e *estate) {
	var with, without *schema.Node
	for _, n := range e.data {
		if n.JetStream.Encryption != nil && with == nil {
			with = n
		} else if n.JetStream.Encryption == nil && without == nil {
			without = n
		}
	}
	if with != nil && without != nil {
		l.warnf(&without.Name, codeEncryption, "node %q stores in clear what node %q encrypts", without.Name, with.Name).
			also(l, with.JetStream.Encryption, "the encryption of node %q", with.Name).try("write encryption in the jetstream block of the cluster")
	}
}

// store is one of the two kinds of storage.
type store struct {
	memory bool
	word   string // the limit of a node
}

var stores = []store{{false, "max_file_store"}, {true, "max_memory_store"}}

func (s store) of(n *schema.Node) *schema.Size {
	if s.memory {
		return &n.JetStream.MaxMemoryStore
	}
	return &n.JetStream.MaxFileStore
}

func (s store) fieldOf(a *schema.AccountJetStream) **schema.Size {
	if s.memory {
		return &a.MaxMemoryStore
	}
	return &a.MaxFileStore
}

func (s store) ofAccount(a *schema.AccountJetStream) *schema.Size { return *s.fieldOf(a) }

// checkAccountLimits compares the limits of an account with what the nodes have.
func (l *loader) checkAccountLimits(e *estate, a *schema.Account) {
	js := a.JetStream
	if js == nil || a.Name == schema.SystemAccount {
		return
	}
	for _, s := range stores {
		var all schema.Size
		for _, n := range e.data {
			all = plus(all, *s.of(n))
		}
		if limit := s.ofAccount(js); limit != nil && *limit > all && len(e.data) > 0 {
			l.errorf(s.fieldOf(js), codeAccountLimit, "account %q may store %s, but all nodes together have %s", a.Name, *limit, all).
				also(l, s.of(e.data[0]), "%s of node %q", s.word, e.data[0].Name).try("at most %s", all)
		}
	}
	for _, zero := range []struct {
		field **int
		word  string
	}{{&js.MaxStreams, "max_streams"}, {&js.MaxConsumers, "max_consumers"}, {&js.MaxAckPending, "max_ack_pending"}} {
		if p := *zero.field; p != nil && *p == 0 {
			l.errorf(zero.field, codeAccountLimit, "%s = 0 means no limit to NATS", zero.word).try("leave it out for no limit, or write a number above 0")
		}
	}
}

// checkReserved adds the limits of all accounts up: a server without a cluster reserves them (nats-server v2.15.2,
// sufficientResources), and does not start without room for all.
func (l *loader) checkReserved(e *estate) {
	for _, s := range stores {
		var sum schema.Size
		for _, a := range e.Accounts {
			if a.JetStream == nil || s.ofAccount(a.JetStream) == nil {
				continue
			}
			limit := *s.ofAccount(a.JetStream)
			if sum = plus(sum, limit); sum > *s.of(e.nodes[0]) && limit <= *s.of(e.nodes[0]) {
				l.errorf(s.fieldOf(a.JetStream), codeAccountLimit, "the accounts up to %q may store %s, but node %q has %s", a.Name, sum, e.nodes[0].Name, *s.of(e.nodes[0])).
					also(l, s.of(e.nodes[0]), "%s of the node", s.word).try("lower one of them: a single node reserves the limits of all accounts")
				break
			}
		}
	}
}

// checkAccountSpace adds up what the assets of an account declare, as NATS does when it creates them: all replicas count
// (nats-server v2.15.2, accountReservation).
func (l *loader) checkAccountSpace(a *schema.Account, assets []asset) {
	js := a.JetStream
	if js == nil {
		return
	}
	if js.MaxStreams != nil && *js.MaxStreams > 0 && len(assets) > *js.MaxStreams {
		b := assets[*js.MaxStreams]
		l.errorf(b.label, codeAccountFull, "%s %q is one too many: account %q may have %s", b.kind, b.name(), a.Name, plural(*js.MaxStreams, "stream")).
			also(l, &js.MaxStreams, "max_streams").try("max_streams = %d", len(assets))
	}
	sums := make([]schema.Size, len(stores))
	for _, b := range assets {
		if b.bytes() == 0 {
			if js.MaxBytesRequired != nil && *js.MaxBytesRequired {
				l.errorf(b.block, codeAccountFull, "%s %q needs max_bytes in account %q", b.kind, b.name(), a.Name).
					also(l, &js.MaxBytesRequired, "max_bytes_required").try("max_bytes = \"1GiB\"")
			}
			continue
		}
		l.checkStreamBytes(a, b)
		for i, s := range stores {
			if s.memory != b.memory {
				continue
			}
			limit, before := s.ofAccount(js), sums[i]
			if sums[i] = plus(before, b.all()); limit != nil && sums[i] > *limit && before <= *limit {
				l.errorf(b.maxBytes, codeAccountFull, "with %s %q the account %q needs %s for all replicas, but may store %s", b.kind, b.name(), a.Name, sums[i], *limit).
					also(l, s.fieldOf(js), "%s of the account", s.word).try("raise %s, or lower max_bytes", s.word)
			}
		}
	}
}

// checkStreamBytes compares one asset with what its account allows each.
func (l *loader) checkStreamBytes(a *schema.Account, b asset) {
	at, word := &a.JetStream.DiskMaxStreamBytes, "disk_max_stream_bytes"
	if b.memory {
		at, word = &a.JetStream.MemoryMaxStreamBytes, "memory_max_stream_bytes"
	}
	if most := *at; most != nil && *most > 0 && b.bytes() > *most {
		l.errorf(b.maxBytes, codeAccountFull, "%s %q takes %s, but a stream of account %q may have %s", b.kind, b.name(), b.bytes(), a.Name, *most).
			also(l, at, "%s", word).try("max_bytes = %q", most)
	}
}

// all is what the asset takes on all nodes that hold it.
func (a asset) all() schema.Size {
	var sum schema.Size
	for range max(1, min(*a.replicas, 5)) {
		sum = plus(sum, a.bytes())
	}
	return sum
}

// plus adds sizes that may be absurd.
func plus(a, b schema.Size) schema.Size {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// checkSpace makes sure that the nodes have room for what all assets declare: each for itself, all together, and on a node
// that has to take every one because there are no other nodes for it.
func (l *loader) checkSpace(e *estate) {
	for _, s := range stores {
		var all, sum schema.Size
		for _, n := range e.data {
			all = plus(all, *s.of(n))
		}
		forced := map[*schema.Node]schema.Size{}
		full := false
		for _, account := range e.Accounts {
			for _, a := range e.assets[account] {
				if a.memory != s.memory || a.bytes() == 0 || *a.replicas < 1 || *a.replicas > 5 {
					continue
				}
				c := e.candidates(a.placement)
				if !l.fits(a, c, s) {
					continue
				}
				if sum = plus(sum, a.all()); sum > all && !full {
					full = true
					l.errorf(a.maxBytes, codeSpace, "with %s %q the file declares %s for all replicas, but all nodes together have %s", a.kind, a.name(), sum, all).
						also(l, s.of(e.data[0]), "%s of node %q", s.word, e.data[0].Name).try("raise %s, or lower max_bytes", s.word)
				}
				if !full && c.distinct == *a.replicas && len(c.nodes) == *a.replicas {
					full = l.force(a, c, s, forced)
				}
			}
		}
	}
}

// fits tells whether enough nodes have room for an asset that is alone.
func (l *loader) fits(a asset, c *candidates, s store) bool {
	enough := 0
	var most *schema.Node
	for _, n := range c.nodes {
		if *s.of(n) >= a.bytes() {
			if enough++; enough >= *a.replicas {
				return true
			}
		} else if most == nil || *s.of(n) > *s.of(most) {
			most = n
		}
	}
	if len(c.nodes) < *a.replicas { // which is reported as such
		return true
	}
	l.errorf(a.maxBytes, codeSpace, "%s %q takes %s on each of %s, but node %q has only %s", a.kind, a.name(), a.bytes(), plural(*a.replicas, "node"), most.Name, *s.of(most)).
		also(l, s.of(most), "%s of node %q", s.word, most.Name).try("max_bytes = %q, or raise %s", s.of(most), s.word)
	return false
}

// force adds an asset to every node that has to take it, and tells whether one of them is too small for all its assets.
func (l *loader) force(a asset, c *candidates, s store, forced map[*schema.Node]schema.Size) bool {
	for _, n := range c.nodes {
		if forced[n] = plus(forced[n], a.bytes()); forced[n] > *s.of(n) {
			l.errorf(a.maxBytes, codeSpace, "with %s %q node %q has to hold %s, but has only %s", a.kind, a.name(), n.Name, forced[n], *s.of(n)).
				also(l, s.of(n), "%s of node %q", s.word, n.Name).try("raise %s, or lower max_bytes", s.word)
			return true
		}
	}
	return false
}
