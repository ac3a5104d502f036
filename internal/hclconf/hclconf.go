// Package hclconf reads the unibus file: text in HCL or JSON syntax becomes a *schema.Topology, or diagnostics that point
// at the exact place of every mistake. It is the only package that knows HCL.
//
// The order is: guard the bytes, parse, take out locals and secrets, evaluate, decode, check, digest. Nothing that comes
// later can fail because of spelling.
package hclconf

import (
	"crypto/sha256"
	"encoding/hex"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty/function"

	"unibus/config/schema"
)

// Host is what a file may ask of the host it is read on. The zero value reads offline: every env(), file() and age() is unknown.
type Host struct {
	// Node is the node this host is. In settings of other nodes they stay unknown, because their files are
	// elsewhere.
	Node string
	// Env looks up an environment variable, as os.LookupEnv does; nil makes env() unknown.
	Env func(name string) (value string, ok bool)
	// ReadFile reads a file, as os.ReadFile does; nil makes file() unknown.
	ReadFile func(name string) ([]byte, error)
	// Age decrypts what age() holds, as OpenAge does; nil makes age() unknown.
	Age func(ciphertext string) (string, error)
}

// ThisHost is the host the process runs on, as the given node.
func ThisHost(node string) Host {
	return Host{Node: node, Env: os.LookupEnv, ReadFile: readSecretFile, Age: OpenAge(node, AgeKeys(), readSecretFile)}
}

// Config is a file that was read without errors, or with the errors that Load returned beside it.
type Config struct {
	// Name is the name of the file, as it was given to Load.
	Name string
	// Topology is what the file says. It is nil if and only if the file has errors.
	Topology *schema.Topology
	// Digest identifies the meaning of the file: the decoded values with defaults filled in, whatever their order, and a
	// fingerprint of every secret whose value is known. Lower-case hex; empty when the file has errors.
	Digest string
	// Partial tells that the value of some secret is not known here, so that hosts, which know it, have another digest.
	Partial bool
	// FileHash is the SHA-256 of the bytes, in lower-case hex.
	FileHash string
	// Diagnostics are the mistakes and warnings, in file order.
	Diagnostics Diagnostics
	// Counts are known of a file with errors, too, unless it does not parse.
	Counts Counts

	text   []byte
	fields fields
	mask   *mask
}

// Load reads a file. The name is only used in diagnostics; whether the text is HCL or JSON is told by its first byte.
// It never fails otherwise than through Config.Diagnostics.
func Load(name string, text []byte, host Host) *Config {
	sum := sha256.Sum256(text)
	l := newLoader(name, text, host)
	t := l.load()
	c := &Config{Name: name, FileHash: hex.EncodeToString(sum[:]), text: text, fields: l.fields, mask: l.mask()}
	c.Diagnostics = l.scrubbed(c.mask)
	c.Diagnostics.sort()
	c.Counts = countsOf(t)
	if !c.Diagnostics.HasErrors() {
		c.Topology = t
		c.Digest, c.Partial = digest(t)
	}
	return c
}

// Counts is how much a file declares.
type Counts struct{ Clusters, Nodes, Buckets, Streams, ObjectStores int }

func countsOf(t *schema.Topology) Counts {
	if t == nil {
		return Counts{}
	}
	c := Counts{Clusters: len(t.Clusters), Nodes: len(t.Nodes())}
	for _, a := range t.Accounts {
		c.Buckets += len(a.Buckets)
		c.Streams += len(a.Streams)
		c.ObjectStores += len(a.ObjectStores)
	}
	return c
}

// At is where a value of the topology is written. The field is a pointer to it, such as &bucket.Replicas, or to a block,
// such as bucket. A value that is not written has the place of its block; ok is false for one from elsewhere.
func (c *Config) At(field any) (r Range, ok bool) {
	f, ok := c.fields[field]
	return toRange(f.rng), ok
}

// Problem is a diagnostic about a value of the topology that another package found wrong. The address of the field says
// where; the file's first line stands in where the field was not written.
func (c *Config) Problem(field any, code Code, detail, hint string) Diagnostic {
	d := Diagnostic{Severity: Error, Code: code, Detail: detail, Hint: hint, Range: Range{Filename: c.Name}}
	if f, ok := c.fields[field]; ok {
		d.Range, d.Address = toRange(f.rng), f.address
		d.Range.Filename = c.Name
	}
	c.mask.scrub(&d)
	return d
}

// loader is the state of one Load.
type loader struct {
	file string
	text []byte
	json bool
	host Host

	root      *region // of the native syntax
	names     *names
	global    *scope
	elsewhere map[string]function.Function // env, file and age in settings of other nodes

	work    int // bytes of expressions and values so far
	nodes   int // nodes so far
	quiet   int // more than zero while a secret is evaluated, of which nothing may be told
	fields  fields
	broken  map[any]bool              // fields whose value was reported as wrong, about which checks keep silent
	origins map[*schema.Secret]string // where secrets come from

	onlySyntax bool // nothing is kept of what parses

	partial bool // blocks are missing, so that rules about all of them would be wrong
	diags   Diagnostics
	seen    map[diagKey]bool
	hidden  map[int]int // stretches of the text that may be secrets: offsets of their beginnings and ends
	spills  []string    // values of secrets that are written in the file
	unseen  bool        // nothing of the text may be shown
}

func newLoader(name string, text []byte, host Host) *loader {
	return &loader{
		file: name, text: text, json: isJSON(text), host: host,
		fields: fields{}, broken: map[any]bool{}, origins: map[*schema.Secret]string{}, seen: map[diagKey]bool{}, hidden: map[int]int{},
	}
}

func (l *loader) load() *schema.Topology {
	from, ok := l.guard(l.text)
	if !ok {
		return nil
	}
	body := l.parse(from)
	if body == nil {
		return nil
	}
	t := l.decodeFile(body)
	if t == nil || l.partial {
		return t
	}
	l.check(t)
	return t
}

// fields knows where each decoded value was written, by the address of the value: a pointer to a field or to a block.
type fields map[any]field

type field struct {
	rng     hcl.Range
	address string // of the block, such as cluster.unibus.bucket.rooms
}
