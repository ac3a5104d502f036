package hclconf

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"unibus/config/schema"
)

// EncodeAccount writes the block of an account in canonical form. What has the value that it would have anyway is left
// out. Secrets that refer has no expression for are left out, too.
func EncodeAccount(a *schema.Account, refer func(*schema.Secret) string) []byte {
	e := &encoder{refer: refer}
	e.labelled("account", a.Name, reflect.ValueOf(a).Elem())
	return canonical(e.b.Bytes())
}

// Encode writes a whole file in canonical form. Settings that all nodes share stand in the top block. The text of refer
// stands in place of each secret, such as secret.route, and secrets are the expressions of the secrets block by name.
func Encode(t *schema.Topology, refer func(*schema.Secret) string, secrets map[string]string) []byte {
	e := &encoder{refer: refer, shared: share(t.Nodes())}
	head := func() {
		if e.shared != nil {
			e.body(reflect.ValueOf(&e.shared.Settings).Elem(), reflect.Value{})
		}
	}
	rest := func() {
		e.body(reflect.ValueOf(&t.Shared).Elem(), reflect.Value{})
		if len(secrets) == 0 {
			return
		}
		e.open("secrets")
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			e.line(name + " = " + secrets[name])
		}
		e.close()
	}
	if t.Supercluster() {
		e.open("supercluster " + Quote(t.Name))
		head()
		top := *t
		top.Shared = schema.Shared{}
		e.body(reflect.ValueOf(&top).Elem(), reflect.Value{}, "account", "bootstrap", "restarts")
	} else {
		e.open("cluster " + Quote(t.Clusters[0].Name))
		head()
		e.body(reflect.ValueOf(t.Clusters[0]).Elem(), reflect.Value{})
	}
	rest()
	e.close()
	return canonical(e.b.Bytes())
}

// encoder writes values of the schema by their tags.
type encoder struct {
	b      bytes.Buffer
	refer  func(*schema.Secret) string
	shared *schema.Node // what nodes inherit
}

func (e *encoder) line(s string) { e.b.WriteString(s + "\n") }
func (e *encoder) close()        { e.line("}") }

// open begins a block, with a blank line before it unless it is the first of the block around it.
func (e *encoder) open(s string) {
	if text := e.b.Bytes(); len(text) > 0 && !bytes.HasSuffix(text, []byte("{\n")) {
		s = "\n" + s
	}
	e.line(s + " {")
}

func isNode(v reflect.Value) bool { return v.Type() == nodeType }

func (e *encoder) labelled(kind, label string, v reflect.Value) {
	e.open(kind + " " + Quote(label))
	like := reflect.Value{}
	if isNode(v) && e.shared != nil {
		like = reflect.ValueOf(e.shared).Elem()
	}
	e.body(v, like)
	e.close()
}

// body writes what differs from like, or, where that is not valid, from what stands where nothing is written.
func (e *encoder) body(v, like reflect.Value, except ...string) {
	s := specOf(v.Type())
	if !like.IsValid() {
		like = s.proto
	}
	for _, name := range s.order {
		if slices.Contains(except, name) {
			continue
		}
		if a := s.attrs[name]; a != nil {
			e.attr(a, v.FieldByIndex(a.index), like.FieldByIndex(a.index))
		}
	}
	for _, name := range s.order {
		if b := s.blocks[name]; b != nil && !b.free && !slices.Contains(except, name) {
			e.block(b, v.FieldByIndex(b.index), like.FieldByIndex(b.index))
		}
	}
}

func (e *encoder) attr(a *attrSpec, v, like reflect.Value) {
	if a.secret() {
		if secret := v.Addr().Interface().(*schema.Secret); secret.IsSet() && e.refer != nil {
			if text := e.refer(secret); text != "" {
				e.line(a.name + " = " + text)
			}
		}
		return
	}
	if !a.required && (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		return
	}
	if a.required || !reflect.DeepEqual(v.Interface(), like.Interface()) {
		e.line(a.name + " = " + valueText(v))
	}
}

func (e *encoder) block(b *blockSpec, f, like reflect.Value) {
	switch {
	case b.many:
		for i := range f.Len() {
			block := f.Index(i).Elem()
			if b.labelled() {
				e.labelled(b.name, block.FieldByIndex(b.elem.label).String(), block)
				continue
			}
			e.open(b.name)
			e.body(block, reflect.Value{})
			e.close()
		}
	case f.Kind() == reflect.Pointer:
		if f.IsNil() || like.Kind() == reflect.Pointer && !like.IsNil() && reflect.DeepEqual(f.Interface(), like.Interface()) {
			return
		}
		e.open(b.name)
		e.body(f.Elem(), reflect.Value{})
		e.close()
	case !reflect.DeepEqual(f.Interface(), like.Interface()):
		e.open(b.name)
		e.body(f, like)
		e.close()
	}
}

// NodeName in a string that Encode writes stands for ${node.name}.
const NodeName = "\uE000"

// Quote is a string as the file writes it.
func Quote(s string) string {
	text := string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes())
	return strings.NewReplacer(NodeName, "${node.name}", `\ue000`, "${node.name}").Replace(text)
}

// valueText is a value in the notation of the file.
func valueText(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case string:
		return Quote(x)
	case []string:
		all := make([]string, len(x))
		for i, s := range x {
			all[i] = Quote(s)
		}
		return "[" + strings.Join(all, ", ") + "]"
	case map[string]string:
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(x)) {
			fmt.Fprintf(&b, "%s = %s\n", Quote(k), Quote(x[k]))
		}
		return "{\n" + b.String() + "}"
	case fmt.Stringer: // a duration or a size
		return Quote(x.String())
	default:
		return fmt.Sprint(x)
	}
}

// share is a node with the settings that all nodes have, and otherwise with those that stand where nothing is written; nil
// for one node.
func share(nodes []*schema.Node) *schema.Node {
	if len(nodes) < 2 {
		return nil
	}
	common := &schema.Node{}
	setDefaults(reflect.ValueOf(common).Elem())
	merge(reflect.ValueOf(&common.Settings).Elem(), nodes)
	return common
}

func merge(into reflect.Value, nodes []*schema.Node) {
	from := func(n *schema.Node) reflect.Value { return reflect.ValueOf(&n.Settings).Elem() }
	mergeFields(into, nodes, from)
}

// mergeFields sets every field that is the same in all nodes.
func mergeFields(into reflect.Value, nodes []*schema.Node, from func(*schema.Node) reflect.Value) {
	for i := range into.NumField() {
		f := into.Field(i)
		at := func(n *schema.Node) reflect.Value { return from(n).Field(i) }
		if f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[schema.Secret]() {
			mergeFields(f, nodes, at)
			continue
		}
		first := at(nodes[0]).Interface()
		if !slices.ContainsFunc(nodes, func(n *schema.Node) bool { return !reflect.DeepEqual(at(n).Interface(), first) }) {
			f.Set(at(nodes[0]))
		}
	}
}
