package hclconf

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"unibus/config/schema"
)

// section is one block of the reference. Blocks of the same type share one.
type section struct {
	title string
	names []string // the words under which the block stands
	typ   reflect.Type
	label string // an example of it; "" where the block has none
	// settings tells that the block is inherited, so that what it requires may stand in another one.
	settings bool
	parents  []*section
	entries  []entry
}

// entry is one argument or nested block of a section.
type entry struct {
	name  string
	field reflect.StructField
	doc   string
	attr  *attrSpec
	block *blockSpec
	inner *section // of a block, unless its arguments have any name
}

// top are the structs that make the top block, in the order in which the reference shows them.
var top = []reflect.Type{reflect.TypeFor[schema.Cluster](), settingsType, reflect.TypeFor[schema.Shared](), reflect.TypeFor[schema.Contents]()}

// super are the structs that make the top block of a supercluster.
var super = []reflect.Type{superclusterSpec.elem.typ, settingsType, reflect.TypeFor[schema.Contents]()}

// sections walks the language, the top blocks first.
func sections() []*section {
	w := &walker{docs: schema.Docs()}
	w.section(clusterSpec.name, top[0], nil, false, top...)
	w.section(superclusterSpec.name, super[0], nil, false, super...)
	return w.all
}

type walker struct {
	docs map[string]string
	all  []*section
}

// section is that of a block, made when the block is met first. A block may be made of more than one struct.
func (w *walker) section(name string, typ reflect.Type, parent *section, settings bool, parts ...reflect.Type) *section {
	for _, s := range w.all {
		if s.typ == typ {
			s.meet(name, parent)
			return s
		}
	}
	s := &section{title: name, typ: typ, settings: settings}
	if slices.ContainsFunc(w.all, func(o *section) bool { return o.title == name }) {
		s.title = name + " in " + parent.title
	}
	s.meet(name, parent)
	w.all = append(w.all, s)
	for _, part := range parts {
		spec := specOf(part)
		if spec.label != nil {
			s.label = part.FieldByIndex(spec.label).Tag.Get("example")
		}
		for _, name := range spec.order {
			s.entries = append(s.entries, w.entry(s, spec, name, settings || part == settingsType))
		}
	}
	return s
}

// meet adds a name and a place of a block to its section.
func (s *section) meet(name string, parent *section) {
	if !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
		if len(s.names) > 1 {
			s.title = strings.Join(s.names, ", ")
		}
	}
	if parent != nil && !slices.Contains(s.parents, parent) {
		s.parents = append(s.parents, parent)
	}
}

func (w *walker) entry(s *section, sp *spec, name string, settings bool) entry {
	d := entry{name: name, attr: sp.attrs[name], block: sp.blocks[name]}
	index := []int(nil)
	if d.attr != nil {
		index = d.attr.index
	} else {
		index = d.block.index
	}
	d.field = sp.typ.FieldByIndex(index)
	owner := sp.typ
	for _, i := range index[:len(index)-1] {
		owner = owner.Field(i).Type
	}
	d.doc = speak(w.docs[owner.Name()+"."+d.field.Name], d.field.Name, "`"+name+"`")
	if d.block != nil && d.block.elem != nil {
		t := d.block.elem.typ
		d.inner = w.section(name, t, s, settings || owner == settingsType, t)
	}
	return d
}

// goName is a name that only Go code has, unlike JetStream and NATS.
var goName = re(`\b[A-Z][A-Za-z]*[a-z][A-Z]\w*\b|\b[A-Z]{2,}[a-z]\w*\b`)

// speak turns a doc comment into text for users: the name at the beginning of a sentence, and names that only Go code
// has, become words of the file.
func speak(doc, name, word string) string {
	if strings.HasPrefix(doc, name+" ") {
		doc = word + doc[len(name):]
	}
	doc = strings.ReplaceAll(doc, ". "+name+" ", ". "+word+" ")
	return goName().ReplaceAllStringFunc(doc, func(s string) string {
		if file := fileName(s); file != "" {
			return "`" + file + "`"
		}
		return s
	})
}

// fileName is the argument that a Go field stands for, or "".
func fileName(field string) string {
	for _, s := range allSpecs() {
		for name, a := range s.attrs {
			if s.typ.FieldByIndex(a.index).Name == field {
				return name
			}
		}
	}
	return ""
}

// doc is the text of a section.
func (s *section) doc(docs map[string]string) string {
	word := "`" + s.names[0] + "`"
	if len(s.names) > 1 {
		word = "This"
	}
	return speak(docs[s.typ.Name()], s.typ.Name(), word)
}

// kind is the type of an argument as the reference calls it.
func (a *attrSpec) kind() string {
	switch structOf(a.typ) {
	case reflect.TypeFor[schema.Duration]():
		return "duration"
	case reflect.TypeFor[schema.Size]():
		return "size"
	case reflect.TypeFor[schema.Secret]():
		return "secret"
	}
	switch t := a.typ; {
	case t.Kind() == reflect.Slice:
		return "list of strings"
	case t.Kind() == reflect.Map:
		return "map of strings"
	case structOf(t).Kind() == reflect.Bool:
		return "bool"
	case structOf(t).Kind() == reflect.Int:
		return "number"
	}
	return "string"
}

// write is the text of a tag as the file writes it.
func (a *attrSpec) write(text string) string {
	switch a.kind() {
	case "bool", "number", "secret":
		return text
	case "list of strings":
		var all []string
		for _, s := range strings.Fields(text) {
			all = append(all, strconv.Quote(s))
		}
		return "[" + strings.Join(all, ", ") + "]"
	case "map of strings":
		var all []string
		for _, s := range strings.Fields(text) {
			k, v, _ := strings.Cut(s, "=")
			all = append(all, k+" = "+strconv.Quote(v))
		}
		return "{ " + strings.Join(all, ", ") + " }"
	}
	return strconv.Quote(text)
}

// allowed is what values an argument takes, beyond its type, or "".
func (a *attrSpec) allowed() string {
	switch {
	case len(a.oneof) > 0:
		var all []string
		for _, s := range a.oneof {
			all = append(all, "`"+strconv.Quote(s)+"`")
		}
		return "one of " + strings.Join(all, ", ")
	case a.min != nil && a.max != nil:
		return a.show(*a.min) + " to " + a.show(*a.max)
	case a.min != nil && *a.min > 0:
		return "at least " + a.show(*a.min)
	}
	return ""
}

// example is a line of the file.
func (d entry) example() string { return d.name + " = " + d.attr.write(d.field.Tag.Get("example")) }

// preamble is the part of the reference that no field can say.
const preamble = `# The unibus language

Generated by ` + "`unibus schema`" + ` from the comments in ` + "`config/schema`" + `; edit those.

One block, ` + "`cluster \"NAME\" { … }` or `supercluster \"NAME\" { … }`" + `, says everything; only ` + "`locals`" + ` may stand beside it. The order
of blocks never matters. In a supercluster, what a cluster has beside its nodes, settings and routes stands in the top block.
Settings that may stand in a node may also stand in the block around it, for all nodes; the inner one wins, argument by
argument. They are evaluated once per node and may use ` + "`node.name`, `node.address` and `cluster.name`" + `. Elsewhere values may
use ` + "`local.NAME`, `secret.NAME`, `env(\"NAME\")`, `file(\"PATH\")` and `age(\"CIPHERTEXT\")`" + `, which ` + "`unibus secret`" + ` encrypts; what
comes from the last four may only stand where the type is secret.

| type | written as |
|---|---|
| string | ` + "`\"text\"`" + ` |
| number | ` + "`3`" + ` |
| bool | ` + "`true` or `false`" + ` |
| duration | ` + "`\"500ms\"`, `\"30s\"`, `\"1h30m\"`, `\"7d\"`" + ` |
| size | ` + "`\"512MiB\"`, `\"40GiB\"` (powers of 1024), `\"10GB\"` (powers of 1000)" + `, or a number of bytes |
| secret | ` + "`secret.NAME`, `file(\"PATH\")`, `env(\"NAME\")` or `age(\"…\")`" + ` |
| list of strings | ` + "`[\"one\", \"two\"]`" + ` |
| map of strings | ` + "`{ key = \"value\" }`" + ` |

What changing an argument on a running cluster takes, and for a block its being added or removed:

| change | |
|---|---|
| live | it is applied while the nodes run |
| restart | nodes restart their server, one at a time |
| data | stored data is changed or moved |
| never | it is refused |

An argument without a default that is left out is not managed: NATS decides, and what is there stays.
`

// Reference is the language reference, in Markdown.
func Reference() string {
	docs := schema.Docs()
	var b strings.Builder
	b.WriteString(preamble)
	all := sections()
	b.WriteString("\n## Blocks\n\n")
	for _, s := range all {
		fmt.Fprintf(&b, "- [%s](#%s)\n", s.title, anchor(s.title))
	}
	for _, s := range all {
		s.markdown(&b, docs)
	}
	return b.String()
}

func (s *section) markdown(b *strings.Builder, docs map[string]string) {
	fmt.Fprintf(b, "\n## %s\n\n%s", s.title, plain(s.doc(docs)))
	var places []string
	for _, p := range s.parents {
		places = append(places, p.names...)
	}
	if len(places) > 0 {
		fmt.Fprintf(b, " Stands in `%s`.", strings.Join(places, "`, `"))
	}
	if s.label != "" {
		fmt.Fprintf(b, "\n\n    %s %q { … }", s.names[0], s.label)
	}
	b.WriteString("\n\n| word | type | default | change | what it is |\n|---|---|---|---|---|\n")
	for _, d := range s.entries {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", d.name, cell(d.kind()), cell(d.standard()), d.field.Tag.Get("change"), cell(d.text()))
	}
}

// kind is the type with its limits, or a link to the block.
func (d entry) kind() string {
	switch {
	case d.block != nil && d.inner == nil:
		return "block of any names"
	case d.block != nil && d.block.many:
		return fmt.Sprintf("[blocks](#%s)", anchor(d.inner.title))
	case d.block != nil:
		return fmt.Sprintf("[block](#%s)", anchor(d.inner.title))
	case d.attr.allowed() != "":
		return d.attr.kind() + ", " + d.attr.allowed()
	}
	return d.attr.kind()
}

func (d entry) standard() string {
	switch {
	case d.attr == nil:
		return ""
	case d.attr.required:
		return "required"
	case d.attr.def != "":
		return "`" + d.attr.write(d.attr.def) + "`"
	case d.field.Type.Kind() == reflect.Bool:
		return "`false`"
	}
	return ""
}

func (d entry) text() string {
	if d.attr == nil {
		return plain(d.doc)
	}
	return plain(d.doc) + "<br>`" + d.example() + "`"
}

// plain escapes what would be HTML in Markdown.
func plain(s string) string { return strings.ReplaceAll(s, "<", "&lt;") }

// cell escapes text for a cell of a Markdown table.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

// anchor is the name that Markdown gives a heading.
func anchor(title string) string {
	return strings.ReplaceAll(strings.ReplaceAll(title, ",", ""), " ", "-")
}

// CodesReference lists every rule, in Markdown.
func CodesReference() string {
	var b strings.Builder
	b.WriteString("# Diagnostics\n\nGenerated by `unibus schema --of diagnostics`. `unibus explain CODE` says the same. A code never changes its meaning.\n")
	for _, c := range Codes() {
		summary, explanation, _ := Explain(c)
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n", c, strings.ToUpper(summary[:1])+summary[1:], explanation)
	}
	return b.String()
}
