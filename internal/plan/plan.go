// Package plan compares two topologies: what each node has to do to get from one to the other, in which class, in which
// order nodes restart, and which steps are too big to take without being asked. It is pure: no file, no server, no clock.
//
// The class of every change comes from the `change` tags of package schema.
package plan

import (
	"cmp"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"

	"unibus/config/schema"
)

// Class is what a change takes.
type Class string

// The classes, from the least to the most.
const (
	// None is no change.
	None Class = "nothing"
	// Live is applied while the node runs.
	Live Class = "live"
	// Data changes or moves what is stored, by the meta leader's node, while all nodes run.
	Data Class = "data"
	// Restart needs this node to restart its server.
	Restart Class = "restart"
	// Refused cannot be done on a running cluster.
	Refused Class = "refused"
)

var rank = map[Class]int{None: 0, Live: 1, Data: 2, Restart: 3, Refused: 4}

func worse(a, b Class) Class {
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// Change is one value that differs.
type Change struct {
	// Attribute is the argument or block that differs, with the blocks it is in: jetstream.sync, user "alice".
	Attribute string
	Class     Class
	// Old and New are the values as the file would write them; secrets are redacted. "" is what was not written.
	Old, New string
	// OldAt and NewAt point to the fields or blocks in their topologies, so that the caller can tell the lines. Either
	// is nil where the thing was added or removed.
	OldAt, NewAt any
	// Effect says what else the change means; it may be empty.
	Effect string
	// LosesData tells that the change may delete what is stored.
	LosesData bool
}

// Node is what one node has to do.
type Node struct {
	Name string
	// Class is the most that any of the changes takes.
	Class   Class
	Changes []Change
	// Added and Removed tell that only one of the topologies has the node.
	Added, Removed bool
}

// Asset is what happens to one declared asset.
type Asset struct {
	// Kind is "bucket", "stream", "object_store" or "consumer".
	Kind, Account string
	// Stream is that of a consumer.
	Stream, Name   string
	Class          Class
	Changes        []Change
	Added, Removed bool
}

// String names the asset: bucket "rooms", consumer "billing" of stream "ORDERS".
func (a Asset) String() string {
	if a.Stream != "" {
		return fmt.Sprintf("%s %q of stream %q", a.Kind, a.Name, a.Stream)
	}
	return fmt.Sprintf("%s %q", strings.ReplaceAll(a.Kind, "_", " "), a.Name)
}

// Problem is a step that is too big to be taken without being asked.
type Problem struct {
	// Accept is the word with which `unibus reload --accept` takes the step all the same; "" when nothing does.
	Accept string
	// Nodes are the nodes that refuse the step; empty is all of them.
	Nodes []string
	// Summary says what the step would do, Hint what to do instead.
	Summary, Hint string
	// At points to the field or block of the new topology; nil when it has none.
	At any
}

// Concerns tells whether a node refuses the step.
func (p Problem) Concerns(node string) bool {
	return len(p.Nodes) == 0 || slices.Contains(p.Nodes, node)
}

// Plan is the difference of two topologies.
type Plan struct {
	// Nodes are the nodes of the new topology in the order of its file, then those that are gone.
	Nodes []Node
	// Assets are the assets that differ.
	Assets []Asset
	// Restarts are the nodes that restart, in the order of the file. The meta leader goes last, whoever that is then.
	Restarts []string
	// Risks are what the steps mean for those who use the cluster meanwhile, in whole sentences without a period.
	Risks []string
	// Problems are the steps that are too big.
	Problems []Problem

	voters int      // of the old topology
	gone   []string // those of them that the new one has not
}

// Empty tells whether nothing differs.
func (p *Plan) Empty() bool { return p.Class() == None }

// Class is the most that any node or asset needs.
func (p *Plan) Class() Class {
	c := None
	for _, n := range p.Nodes {
		c = worse(c, n.Class)
		if n.Added || n.Removed {
			c = worse(c, Live)
		}
	}
	for _, a := range p.Assets {
		c = worse(c, a.Class)
	}
	for _, problem := range p.Problems {
		if !slices.ContainsFunc(problem.Nodes, func(name string) bool { return p.Node(name).Removed }) {
			c = Refused
		}
	}
	return c
}

// Node is what the named node has to do.
func (p *Plan) Node(name string) Node {
	for _, n := range p.Nodes {
		if n.Name == name {
			return n
		}
	}
	return Node{Name: name, Class: None}
}

// Diff compares two valid topologies.
func Diff(old, new *schema.Topology) *Plan {
	p := &Plan{}
	everyone := append(renamed(old, new), fields(reflect.ValueOf(old).Elem(), reflect.ValueOf(new).Elem(), "")...)
	if !sameAccounts(old, new) {
		for i := range everyone {
			if c := &everyone[i]; crossing.MatchString(c.Attribute) {
				c.Class, c.Effect = Restart, "comes with the change of accounts"
			}
		}
	}
	for _, n := range new.Nodes() {
		p.Nodes = append(p.Nodes, nodeDiff(old, new, n, everyone))
	}
	for _, n := range old.Nodes() {
		if _, still := new.Node(n.Name); still == nil {
			p.Nodes = append(p.Nodes, Node{Name: n.Name, Class: None, Removed: true, Changes: []Change{{
				Attribute: fmt.Sprintf("node %q", n.Name), Class: None, Old: n.Address, OldAt: n,
				Effect: "no node lets it in any more; its replicas stay counted until `unibus node remove`",
			}}})
		}
	}
	for _, n := range p.Nodes {
		if n.Class == Restart {
			p.Restarts = append(p.Restarts, n.Name)
		}
	}
	p.Assets = assets(old, new)
	p.Problems = problems(old, new)
	p.Risks = risks(old, new, p)
	return p
}

// crossing matches what an account exports and imports.
var crossing = regexp.MustCompile(`^account "[^"]*"\.(export|import)\b`)

// renamed is the change of a supercluster's name, or of whether there is one, which opens or closes gateways.
func renamed(old, new *schema.Topology) []Change {
	if old.Name == new.Name {
		return nil
	}
	c := Change{Attribute: "supercluster", Class: Live, Old: old.Name, New: new.Name, OldAt: &old.Name, NewAt: &new.Name}
	if old.Supercluster() != new.Supercluster() {
		c.Class = Restart
	}
	return []Change{c}
}

// nodeDiff is what one node of the new topology has to do.
func nodeDiff(old, new *schema.Topology, n *schema.Node, everyone []Change) Node {
	wasIn, was := old.Node(n.Name)
	isIn, _ := new.Node(n.Name)
	if was == nil {
		return Node{Name: n.Name, Class: None, Added: true, Changes: []Change{{
			Attribute: fmt.Sprintf("node %q", n.Name), Class: None, New: n.Address, NewAt: n, Effect: "starts for the first time",
		}}}
	}
	changes := fields(reflect.ValueOf(was).Elem(), reflect.ValueOf(n).Elem(), "")
	changes = append(changes, everyone...)
	changes = append(changes, fields(reflect.ValueOf(wasIn).Elem(), reflect.ValueOf(isIn).Elem(), "")...)
	changes = append(changes, peers(old, new, n)...)
	d := Node{Name: n.Name, Class: None, Changes: changes}
	for i := range changes {
		c := &changes[i]
		c.Effect = cmp.Or(c.Effect, nodeEffects[c.Attribute])
		d.Class = worse(d.Class, c.Class)
	}
	return d
}

// nodeEffects is what else a change of a node's settings means.
var nodeEffects = map[string]string{
	"address":          "advertised from the restart on",
	"tls":              "connections that are open stay as they are",
	"routes.pool_size": "every route is dialled anew at once",
}

// peers are the changes of other nodes that a node has to follow: whom it dials and lets in. Of other clusters it dials
// gateways, which nats-server v2.15.2 changes only at a start.
func peers(old, new *schema.Topology, self *schema.Node) []Change {
	own, _ := new.Node(self.Name)
	var changes []Change
	for _, n := range new.Nodes() {
		if n.Name == self.Name {
			continue
		}
		cluster, _ := new.Node(n.Name)
		_, was := old.Node(n.Name)
		name, class := fmt.Sprintf("node %q", n.Name), Live
		if cluster.Name != own.Name {
			class = Restart
		}
		if was == nil {
			changes = append(changes, Change{Attribute: name, Class: class, New: n.Address, NewAt: n, Effect: "is dialled and let in"})
			continue
		}
		ports := []struct {
			name    string
			was, is *int
		}{{"cluster_port", &was.ClusterPort, &n.ClusterPort}}
		if class == Restart {
			ports[0].name, ports[0].was, ports[0].is = "gateway_port", &was.GatewayPort, &n.GatewayPort
		}
		if was.Address != n.Address {
			changes = append(changes, Change{Attribute: name + ".address", Class: class, Old: was.Address, New: n.Address, OldAt: &was.Address, NewAt: &n.Address, Effect: dialled(class)})
		}
		for _, p := range ports {
			if *p.was != *p.is {
				changes = append(changes, Change{Attribute: name + "." + p.name, Class: class, Old: fmt.Sprint(*p.was), New: fmt.Sprint(*p.is), OldAt: p.was, NewAt: p.is, Effect: dialled(class)})
			}
		}
	}
	for _, n := range old.Nodes() {
		if _, still := new.Node(n.Name); still != nil {
			continue
		}
		c := Change{Attribute: fmt.Sprintf("node %q", n.Name), Class: Live, Old: n.Address, OldAt: n, Effect: "is cut off and not let in any more"}
		if cluster, _ := old.Node(n.Name); cluster.Name != own.Name {
			c.Class, c.Effect = Restart, "is not dialled any more"
		}
		changes = append(changes, c)
	}
	return changes
}

func dialled(class Class) string {
	if class == Live {
		return "dialled there once it is gone from where it was"
	}
	return ""
}

// fields compares two structs of the schema, attribute by attribute and block by block.
func fields(old, new reflect.Value, prefix string) []Change {
	var out []Change
	for _, f := range visible(old.Type()) {
		name, kind, _ := strings.Cut(f.Tag.Get("hcl"), ",")
		if name == "" || kind == "label" || kind == "attrs" {
			continue
		}
		a, b := old.FieldByIndex(f.Index), new.FieldByIndex(f.Index)
		class := classOf(f.Tag)
		switch {
		case kind == "block" && f.Type.Kind() == reflect.Slice && reportedElsewhere(old.Type(), name, class):
		case kind == "block" && f.Type.Kind() == reflect.Slice:
			out = append(out, sets(a, b, prefix+name, class)...)
		case kind == "block" && f.Type.Kind() == reflect.Struct:
			out = append(out, fields(a, b, prefix+name+".")...)
		case kind == "block":
			out = append(out, block(a, b, prefix+name, class)...)
		case !same(a, b):
			c := Change{Attribute: prefix + name, Class: class, Old: show(a), New: show(b), OldAt: at(a), NewAt: at(b)}
			if lowered(name, a, b) {
				c.Class, c.Effect = Restart, "nats-server lowers limits only at a start"
			}
			out = append(out, c)
		}
	}
	return out
}

// known holds the fields of the structs of the schema by their reflect.Type, a memo of a pure function.
var known sync.Map

// visible is reflect.VisibleFields.
func visible(t reflect.Type) []reflect.StructField {
	if all, ok := known.Load(t); ok {
		return all.([]reflect.StructField)
	}
	all := reflect.VisibleFields(t)
	known.Store(t, all)
	return all
}

// block compares a block that may be absent.
func block(a, b reflect.Value, name string, class Class) []Change {
	switch {
	case a.IsNil() && b.IsNil():
		return nil
	case a.IsNil():
		return []Change{{Attribute: name, Class: class, NewAt: b.Interface(), Effect: "is added"}}
	case b.IsNil():
		return []Change{{Attribute: name, Class: class, OldAt: a.Interface(), Effect: "is removed"}}
	}
	return fields(a.Elem(), b.Elem(), name+".")
}

// reportedElsewhere tells whether blocks have reports of their own: clusters, nodes, the assets of an account, and the
// consumers of a stream.
func reportedElsewhere(parent reflect.Type, name string, class Class) bool {
	return name == "node" || name == "cluster" || parent == reflect.TypeFor[schema.Account]() && class == Data ||
		parent == reflect.TypeFor[schema.Stream]() && name == "consumer"
}

// sets compares blocks with labels by label, others by order.
func sets(a, b reflect.Value, name string, class Class) []Change {
	var out []Change
	for i := range b.Len() {
		is := b.Index(i)
		title := title(name, is, i)
		was := find(a, is, i)
		if !was.IsValid() {
			out = append(out, Change{Attribute: title, Class: comesOrGoes(is, class), NewAt: is.Interface(), Effect: "is added"})
			continue
		}
		out = append(out, fields(was.Elem(), is.Elem(), title+".")...)
	}
	for i := range a.Len() {
		if was := a.Index(i); !find(b, was, i).IsValid() {
			out = append(out, Change{Attribute: title(name, was, i), Class: comesOrGoes(was, class), OldAt: was.Interface(), Effect: "is removed"})
		}
	}
	return out
}

// comesOrGoes is the class of adding or removing a block. DefaultAccount is always there, written or not.
func comesOrGoes(block reflect.Value, class Class) Class {
	if a, ok := block.Interface().(*schema.Account); ok && a.Name == schema.DefaultAccount {
		return Live
	}
	return class
}

// find is the block of a slice with the same label, or at the same place where there are no labels.
func find(all, like reflect.Value, i int) reflect.Value {
	label, ok := labelOf(like)
	if !ok {
		if i < all.Len() {
			return all.Index(i)
		}
		return reflect.Value{}
	}
	for j := range all.Len() {
		if l, _ := labelOf(all.Index(j)); l == label {
			return all.Index(j)
		}
	}
	return reflect.Value{}
}

func title(name string, block reflect.Value, i int) string {
	if label, ok := labelOf(block); ok {
		return fmt.Sprintf("%s %q", name, label)
	}
	return fmt.Sprintf("%s %d", name, i+1)
}

func labelOf(block reflect.Value) (string, bool) {
	for _, f := range visible(block.Type().Elem()) {
		if f.Tag.Get("hcl") == ",label" {
			return block.Elem().FieldByIndex(f.Index).String(), true
		}
	}
	return "", false
}

// classOf is the class that the tags of a field give.
func classOf(tag reflect.StructTag) Class {
	switch c := tag.Get("change"); c {
	case "never":
		return Refused
	case "":
		return Live
	default:
		return Class(c)
	}
}

// lowered tells a limit of a node that goes down, which nats-server v2.15.2 refuses to reload.
func lowered(name string, a, b reflect.Value) bool {
	return (name == "max_file_store" || name == "max_memory_store") && a.Kind() == reflect.Int64 && b.Int() < a.Int()
}

func same(a, b reflect.Value) bool {
	if s, ok := a.Interface().(schema.Secret); ok {
		return s.Equal(b.Interface().(schema.Secret))
	}
	return reflect.DeepEqual(a.Interface(), b.Interface()) || a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0
}

// at is the address of a field, as positions are looked up by.
func at(v reflect.Value) any { return v.Addr().Interface() }

// show is a value as the file would write it.
func show(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return ""
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case schema.Secret:
		return x.String()
	case schema.Duration:
		return fmt.Sprintf("%q", x.String())
	case schema.Size:
		return fmt.Sprintf("%q", x.String())
	case string:
		return fmt.Sprintf("%q", x)
	case []string:
		quoted := make([]string, len(x))
		for i, s := range x {
			quoted[i] = fmt.Sprintf("%q", s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case map[string]string:
		var pairs []string
		for k, s := range x {
			pairs = append(pairs, fmt.Sprintf("%s = %q", k, s))
		}
		slices.SortFunc(pairs, cmp.Compare)
		return "{ " + strings.Join(pairs, ", ") + " }"
	default:
		return fmt.Sprint(x)
	}
}
