package hclconf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// word is an argument or a block that does not belong where it stands.
type word struct {
	name  string
	block bool
	json  bool // JSON syntax does not tell arguments from blocks
	rng   hcl.Range
	value hcl.Range
}

func (w word) String() string {
	switch {
	case w.json:
		return fmt.Sprintf("%q", clip(w.name))
	case w.block:
		return fmt.Sprintf("block %q", clip(w.name))
	}
	return fmt.Sprintf("argument %q", clip(w.name))
}

// hide hides what the word is set to. It was misspelt, so nobody knows whether it is a secret.
func (w word) hide(l *loader) {
	if w.json { // where the range begins with the name
		w.value.Start = w.rng.End
	}
	l.hideRange(w.value)
}

func sortWords(words []word) {
	slices.SortFunc(words, func(a, b word) int { return cmp.Compare(a.rng.Start.Byte, b.rng.Start.Byte) })
}

// unknown reports a word that does not belong here, with the best guess at what was meant.
func (l *loader) unknown(w word, p place, sh *shape) {
	switch {
	case w.block && sh.attrs[w.name] != nil:
		l.report(Error, codeWord, w.rng, p.address, "%s is an argument, not a block", w.name).try("%s = …", w.name)
		return
	case !w.block && sh.blocks[w.name] != nil:
		l.report(Error, codeWord, w.rng, p.address, "%s is a block, not an argument", w.name).try("%s { … }", sh.blocks[w.name].example())
		return
	}
	d := l.report(Error, codeWord, w.rng, p.address, "%s has no %s", p.kind, w)
	if len(l.diags) < maxHints {
		d.try("%s", suggest(w.name, p.kind, sh))
	}
}

// meant is the word of the block that was misspelt, or "".
func meant(w word, sh *shape) string { return closest(w.name, sh.names) }

// maxHints is how many unknown words are compared with the words of the language.
const maxHints = 1000

func (b *blockSpec) example() string {
	if b.labelled() {
		return b.name + ` "NAME"`
	}
	return b.name
}

// suggest is what was meant by a word in a block of a kind. A misspelt word of the block is likelier than a word that
// people bring along from elsewhere, and that is likelier than a word of another block.
func suggest(word, kind string, sh *shape) string {
	if best := closest(word, sh.names); best != "" {
		return "did you mean " + best + "?"
	}
	if own := cmp.Or(foreign[kind+"."+word], foreign["."+word]); own != "" {
		if slices.Contains(sh.names, own) {
			return "here it is called " + own
		}
		if strings.Contains(own, " ") {
			return own
		}
	}
	if owners := ownersOf(word); len(owners) > 0 {
		return fmt.Sprintf("%s belongs to %s", word, enumerate(owners))
	}
	if other := closest(word, allWords()); other != "" {
		return fmt.Sprintf("did you mean %s? It belongs to %s", other, enumerate(ownersOf(other)))
	}
	return fmt.Sprintf("%s has %s", kind, enumerate(sh.names))
}

// enumerate writes words as in a sentence.
func enumerate(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// ownersOf are the blocks that a word belongs to.
func ownersOf(word string) []string {
	var owners []string
	for _, k := range append([]kind{{superclusterSpec.name, superclusterSpec.elem}}, kinds()...) {
		if k.spec.attrs[word] != nil || k.spec.blocks[word] != nil {
			owners = append(owners, k.name)
		}
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// allWords are the words of all blocks.
func allWords() []string {
	var all []string
	for _, k := range kinds() {
		all = append(all, k.spec.order...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// closest is the best match for a misspelt word, or "". How far off it may be grows with its length.
func closest(word string, known []string) string {
	limit := 1
	switch n := len(word); {
	case n > 64:
		return ""
	case n > 8:
		limit = 3
	case n > 4:
		limit = 2
	}
	best, bestDistance := "", limit+1
	for _, k := range known {
		if d := len(word) - len(k); d > limit || d < -limit {
			continue
		}
		if d := distance(strings.ToLower(word), k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the number of insertions, deletions, substitutions and swaps of neighbours between two words.
func distance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

// foreign are words that people bring along from elsewhere, as BLOCK.WORD or, for any block, as .WORD: what they are
// called here, or a sentence about them.
var foreign = map[string]string{
	".server": "node", ".servers": "node", ".host": "node", ".peer": "node", ".nodes": "node", ".member": "node",
	".kv": "bucket", ".key_value": "bucket", ".keyvalue": "bucket", ".buckets": "bucket", ".kv_bucket": "bucket",
	".users": "user", ".accounts": "account", ".authorization": "user", ".auth": "user",
	".ip": "address", ".addr": "address", ".host_name": "hostname", ".fqdn": "hostname", ".bind": "listen", ".name": "the name stands behind the type, as in bucket \"NAME\" { … }",
	".advertise":         "leave it out: what is advertised is always the node's address",
	".client_advertise":  "leave it out: what is advertised is always the node's address",
	".cluster_advertise": "leave it out: what is advertised is always the node's address",
	".server_name":       "leave it out: the server is called as its node",
	".cluster_name":      "leave it out: the cluster is called as its block",
	".no_auth_user":      "leave it out: there are no anonymous clients",
	".leafnodes":         "leave it out: there are no leafnode listeners",
	".websocket":         "leave it out: there are no WebSocket listeners",
	".mqtt":              "leave it out: there are no MQTT listeners",
	".include":           "leave it out: one file says everything",
	".variable":          "locals", ".variables": "locals", ".local": "locals", ".secret": "secrets", ".defaults": "leave it out: what all nodes share stands in the cluster block",
	"node.public_address": "address", "node.ip_address": "address", "node.labels": "tags", "node.server_tags": "tags", "node.zone": "tags",
	"node.routes": "leave it out: routes follow from the nodes", "node.seeds": "leave it out: routes follow from the nodes",
	".port": "client_port", ".route_port": "cluster_port", ".routes_port": "cluster_port", ".cluster_listen": "cluster_port",
	".http_port": "monitor", ".http": "monitor", ".monitoring": "monitor", ".monitor_port": "monitor",
	".js": "jetstream", ".jet_stream": "jetstream",
	"jetstream.max_file": "max_file_store", "jetstream.max_store": "max_file_store", "jetstream.max_mem": "max_memory_store", "jetstream.max_memory": "max_memory_store",
	"jetstream.sync_interval": "sync", "jetstream.data_dir": "store_dir", "jetstream.dir": "store_dir",
	"jetstream.encryption_key": "encryption", "jetstream.key": "encryption", "jetstream.cipher": "encryption",
	"tls.ca": "ca_file", "tls.cert": "cert_file", "tls.key": "key_file", "tls.verify": "client_verify", "tls.client_auth": "client_verify",
	"routes.username": "user", "routes.pass": "password", "routes.pool": "pool_size",
	"user.public_key": "nkey", "user.key": "nkey", "user.pass": "password", "user.allowed_connection_types": "connection_types", "user.permission": "permissions",
	"permissions.pub": "publish", "permissions.sub": "subscribe",
	".max_payload": "leave it out: it is 1MiB", ".max_connections": "leave it out: NATS decides", ".debug": "leave it out: unibus run has --log-level",
	".num_replicas": "replicas", ".durable": "leave it out: the name stands behind consumer", ".durable_name": "leave it out: the name stands behind consumer",
	"stream.dupe_window": "duplicate_window", "stream.duplicates": "duplicate_window", "stream.max_messages": "max_msgs", "stream.ack": "no_ack", "stream.ttl": "max_age",
	"stream.max_value_size": "max_msg_size", "stream.history": "max_msgs_per_subject", "stream.sources": "source", "stream.consumers": "consumer",
	"consumer.ack": "ack_policy", "consumer.deliver": "deliver_policy", "consumer.filter": "filter_subject", "consumer.filters": "filter_subjects", "consumer.wait": "ack_wait",
	"bucket.num_replicas": "replicas", "bucket.replication": "replicas", "bucket.max_age": "max_age belongs to stream; a bucket has ttl", "bucket.expiry": "ttl",
	"bucket.max_history": "history", "bucket.max_msgs_per_subject": "history", "bucket.values": "history", "bucket.max_msg_size": "max_value_size", "bucket.max_size": "max_bytes",
	"bucket.storage_type": "storage", "bucket.sources": "source", "bucket.labels": "metadata", "bucket.subjects": "leave it out: a bucket NAME has the subjects $KV.NAME.>",
	"placement.server_tags": "tags", "republish.src": "source", "republish.dest": "destination", "republish.target": "destination",
	"bootstrap.retry": "attempt_timeout", "monitor.http_port": "port", "monitor.address": "listen", "monitor.host": "listen",
}
