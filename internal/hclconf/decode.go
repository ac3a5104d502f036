package hclconf

import (
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/nats-io/nkeys"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"unibus/config/schema"
)

// place is where a body stands.
type place struct {
	address string
	kind    string     // the type of the block
	at      hcl.Range  // the header of the block
	scope   *scope     // what its expressions may use
	outer   []*content // the bodies around it, the outermost first, from which nodes inherit
}

// content is a body taken apart by its shape.
type content struct {
	place
	native hclsyntax.Attributes
	json   hcl.Attributes
	blocks map[string][]*hcl.Block // by type, in file order
	meant  map[string]hcl.Range    // words of the block that were misspelt
	bodies map[*hcl.Block]*content // of the blocks inside, which are decoded once per node
}

// expr is what an argument is set to, or nil.
func (c *content) expr(name string) hcl.Expression {
	if a := c.native[name]; a != nil {
		return a.Expr
	}
	if a := c.json[name]; a != nil {
		return a.Expr
	}
	return nil
}

// decodeFile decodes the whole file. It is nil when there is no top block to decode.
func (l *loader) decodeFile(body hcl.Body) *schema.Topology {
	l.names = &names{local: map[string]*name{}, secret: map[string]*name{}}
	l.global, l.elsewhere = &scope{funcs: l.functions(true)}, l.functions(false)
	top := l.topBlock(body)
	if top == nil {
		return nil
	}
	l.findSecrets(top.Body)
	t := &schema.Topology{}
	setDefaults(reflect.ValueOf(t).Elem())
	bus := &schema.Account{Name: schema.DefaultAccount}
	p := place{address: top.Type + "." + top.Labels[0], kind: top.Type, at: top.DefRange, scope: l.global}
	l.fields[bus] = field{top.DefRange, p.address}
	contents := reflect.ValueOf(&bus.Contents).Elem()
	if top.Type == superclusterSpec.name {
		t.Name = top.Labels[0]
		l.fields[t] = l.fields[bus]
		l.fields[&t.Name] = field{top.LabelRanges[0], p.address}
		l.body(top.Body, p, reflect.ValueOf(t).Elem(), contents)
		if len(t.Clusters) == 0 {
			l.report(Error, codeMissing, top.DefRange, p.address, "supercluster %q has no cluster", t.Name).try("cluster \"NAME\" { … }")
			return nil
		}
	} else {
		c := &schema.Cluster{Name: top.Labels[0]}
		l.fields[c] = l.fields[bus]
		l.fields[&c.Name] = field{top.LabelRanges[0], p.address}
		p.scope = l.inCluster(c.Name)
		t.Clusters = []*schema.Cluster{c}
		l.body(top.Body, p, reflect.ValueOf(&t.Shared).Elem(), reflect.ValueOf(c).Elem(), contents)
	}
	for _, n := range l.names.sorted() { // those that nothing uses have mistakes too
		l.resolve(n)
	}
	l.merge(t, bus)
	return t
}

// topBlock finds the one block that says everything, and the locals beside it. It is nil when there is none.
func (l *loader) topBlock(body hcl.Body) *hcl.Block {
	sh := &shape{
		blocks: map[string]*blockSpec{
			"locals": {name: "locals", many: true, free: true}, "cluster": clusterSpec, "supercluster": superclusterSpec,
		},
		schema: &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "locals"}, clusterSpec.header(), superclusterSpec.header()}},
		names:  []string{"cluster", "supercluster", "locals"},
	}
	c, words := l.takeApart(body, place{kind: "the file"}, sh)
	for _, b := range c.blocks["locals"] {
		l.collect("local", l.names.local, b.Body)
	}
	tops := append(slices.Clip(c.blocks["supercluster"]), c.blocks["cluster"]...)
	slices.SortFunc(tops, func(a, b *hcl.Block) int { return cmp.Compare(a.DefRange.Start.Byte, b.DefRange.Start.Byte) })
	for _, w := range words {
		w.hide(l)
		l.partial = true
		d := l.report(Error, codeTop, w.rng, "", "%s cannot stand at the top of the file", w)
		switch own := foreign["."+w.name]; {
		case own != "":
			d.try("%s", suggest(w.name, "the file", sh))
		case len(tops) == 1:
			d.try("move it into the %s block", tops[0].Type)
		default:
			d.try("put everything into one block: cluster \"NAME\" { … }")
		}
	}
	switch {
	case len(tops) == 0:
		if !l.diags.HasErrors() {
			l.report(Error, codeTop, l.rangeAt(spot{line: 1}), "", "the file has no cluster block").
				try("cluster \"NAME\" { node \"NAME\" { address = \"…\" } }")
		}
		return nil
	case len(tops) > 1:
		l.report(Error, codeTop, tops[1].DefRange, "", "a second %s block; one file describes one bus", tops[1].Type).
			alsoAt(l, tops[0].DefRange, "the first one").try("a file for each; or supercluster \"NAME\" { … } around clusters that belong together")
	}
	return tops[0]
}

var (
	superclusterSpec = &blockSpec{name: "supercluster", elem: specOf(reflect.TypeFor[schema.Topology]())}
	clusterSpec      = superclusterSpec.elem.blocks["cluster"]
)

// inCluster is the scope of what stands in a cluster.
func (l *loader) inCluster(name string) *scope {
	return &scope{funcs: l.global.funcs, vars: clusterVars(name)}
}

// findSecrets collects the secrets blocks of the top block before anything else is evaluated.
func (l *loader) findSecrets(body hcl.Body) {
	got, _, _ := body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "secrets"}}})
	for _, b := range got.Blocks {
		l.collect("secret", l.names.secret, b.Body)
	}
}

// merge puts what stood outside any account into DefaultAccount.
func (l *loader) merge(t *schema.Topology, bus *schema.Account) {
	if reflect.ValueOf(bus.Contents).IsZero() && len(t.Accounts) > 0 {
		return
	}
	written := t.Account(schema.DefaultAccount)
	if written == nil {
		t.Accounts = append(t.Accounts, bus)
		return
	}
	written.Users = append(written.Users, bus.Users...)
	written.Buckets = append(written.Buckets, bus.Buckets...)
	written.Streams = append(written.Streams, bus.Streams...)
	written.ObjectStores = append(written.ObjectStores, bus.ObjectStores...)
}

func clusterVars(name string) map[string]cty.Value {
	return map[string]cty.Value{"cluster": cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name)})}
}

// body decodes one body into one or more structs.
func (l *loader) body(b hcl.Body, p place, targets ...reflect.Value) {
	c := l.content(b, p, shapeOf(targets))
	for _, v := range targets {
		l.fill(c, p, v)
		l.require(v, p)
	}
}

// fill decodes what a content has for a struct and leaves the rest alone.
func (l *loader) fill(c *content, p place, v reflect.Value) {
	s := specOf(v.Type())
	for _, name := range s.order {
		if a := s.attrs[name]; a != nil {
			if expr := c.expr(name); expr != nil {
				l.attr(expr, a, v.FieldByIndex(a.index), p)
			}
			continue
		}
		bs := s.blocks[name]
		for _, b := range c.blocks[name] {
			l.block(c, b, bs, v.FieldByIndex(bs.index), p)
		}
	}
	for name, r := range c.meant { // nobody misses what was misspelt
		if a := s.attrs[name]; a != nil {
			at := v.FieldByIndex(a.index).Addr().Interface()
			l.fields[at], l.broken[at] = field{r, p.address}, true
		}
	}
}

// block decodes one block into its field: a struct, a pointer to one, or a slice of pointers.
func (l *loader) block(in *content, b *hcl.Block, bs *blockSpec, f reflect.Value, p place) {
	if bs.free {
		l.secrets(f)
		return
	}
	if bs.elem.typ == nodeType && !l.another(b) {
		return
	}
	inner := place{address: p.address + "." + b.Type, kind: b.Type, at: b.DefRange, scope: p.scope, outer: append(slices.Clip(p.outer), in)}
	v := l.target(bs, f)
	if bs.labelled() {
		label := v.Elem().FieldByIndex(bs.elem.label)
		label.SetString(b.Labels[0])
		inner.address += "." + b.Labels[0]
		l.fields[label.Addr().Interface()] = field{b.LabelRanges[0], inner.address}
		l.label(b, inner)
	}
	l.fields[v.Interface()] = field{b.DefRange, inner.address}
	if c, ok := v.Interface().(*schema.Cluster); ok {
		inner.scope = l.inCluster(c.Name)
	}
	switch n, isNode := v.Interface().(*schema.Node); {
	case isNode:
		l.node(b, n, inner)
	case p.scope.node: // decoded once per node, each time over what the bodies around have given
		c := in.bodies[b]
		if c == nil {
			c = l.content(b.Body, inner, shapeOf([]reflect.Value{v.Elem()}))
			in.bodies[b] = c
		}
		l.fill(c, inner, v.Elem())
	default:
		l.body(b.Body, inner, v.Elem())
	}
}

// another counts the nodes, each of which is checked with routes to all others.
func (l *loader) another(b *hcl.Block) bool {
	if l.nodes++; l.nodes == maxNodes+1 {
		l.report(Error, codeHostile, b.DefRange, "", "more than %d nodes", maxNodes)
		l.partial = true
	}
	return l.nodes <= maxNodes
}

// target is a pointer to the struct that a block is decoded into.
func (l *loader) target(bs *blockSpec, f reflect.Value) reflect.Value {
	switch {
	case bs.many:
		v := reflect.New(bs.elem.typ)
		setDefaults(v.Elem())
		f.Set(reflect.Append(f, v))
		return v
	case f.Kind() != reflect.Pointer:
		return f.Addr()
	case f.IsNil():
		f.Set(reflect.New(bs.elem.typ))
		setDefaults(f.Elem())
	}
	return f
}

// label looks for what must not stand in a label.
func (l *loader) label(b *hcl.Block, p place) {
	switch label := b.Labels[0]; {
	case unrendered(label):
		l.report(Error, codeTemplate, b.LabelRanges[0], p.address, "this looks like a template that was not rendered").
			try("render the template before handing the file over")
	case isSeed(label):
		l.seed(b.LabelRanges[0], p.address)
	}
}

// secrets reveals the resolved secrets to the topology, so that its reader knows what to redact.
func (l *loader) secrets(f reflect.Value) {
	all := map[string]schema.Secret{}
	for _, n := range l.names.sorted() {
		if n.kind != "secret" {
			continue
		}
		l.resolve(n)
		if v, _ := n.value.Unmark(); v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
			all[n.label] = schema.NewSecret(v.AsString())
		} else {
			all[n.label] = schema.UnknownSecret()
		}
	}
	f.Set(reflect.ValueOf(all))
}

// node decodes a node over the settings that it inherits. They are evaluated here, once per node.
func (l *loader) node(b *hcl.Block, n *schema.Node, p place) {
	v := reflect.ValueOf(n).Elem()
	settings := v.FieldByName("Settings")
	c := l.content(b.Body, p, shapeOf([]reflect.Value{v}))
	if expr := c.expr("address"); expr != nil {
		as := specOf(nodeType).attrs["address"]
		l.attr(expr, as, v.FieldByIndex(as.index), p)
	}
	vars := maps.Clone(p.scope.vars)
	vars["node"] = cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(n.Name), "address": cty.StringVal(n.Address)})
	p.scope = &scope{vars: vars, funcs: l.global.funcs, node: true}
	if l.host.Node != "" && l.host.Node != n.Name {
		p.scope.funcs = l.elsewhere
	}
	outer := p.outer
	p.outer = nil
	for _, o := range outer {
		q := o.place
		q.scope, q.outer = p.scope, nil
		l.fill(o, q, settings)
	}
	l.fill(c, p, v)
	l.require(v, p)
}

// content takes a body apart and reports the words that do not belong there.
func (l *loader) content(b hcl.Body, p place, sh *shape) *content {
	c, words := l.takeApart(b, p, sh)
	for _, w := range words {
		w.hide(l)
		l.unknown(w, p, sh)
		if name := meant(w, sh); name != "" && len(l.diags) < maxHints {
			if c.meant == nil {
				c.meant = map[string]hcl.Range{}
			}
			c.meant[name] = w.rng
		}
	}
	for kind, blocks := range c.blocks {
		if bs := sh.blocks[kind]; len(blocks) > 1 && !bs.many && !bs.free {
			for _, again := range blocks[1:] {
				l.report(Error, codeDuplicate, again.DefRange, p.address, "a second %s block", kind).alsoAt(l, blocks[0].DefRange, "the first one")
			}
			c.blocks[kind] = blocks[:1]
		}
	}
	return c
}

// takeApart takes a body apart by a shape. The words are those that the shape does not have, in file order.
func (l *loader) takeApart(b hcl.Body, p place, sh *shape) (c *content, words []word) {
	c = &content{place: p, bodies: map[*hcl.Block]*content{}, blocks: map[string][]*hcl.Block{}}
	if native, ok := b.(*hclsyntax.Body); ok {
		return c, l.takeNative(c, native, sh)
	}
	got, rest, diags := b.PartialContent(sh.schema)
	diags = l.jsonTwice(diags, got.Attributes)
	for _, d := range diags {
		if d.Subject != nil && d.Subject.Start.Byte < len(l.text) && l.text[d.Subject.Start.Byte] == '"' {
			l.hideRange(*d.Subject)
		}
	}
	l.syntax(diags)
	l.partial = l.partial || diags.HasErrors()
	c.json = got.Attributes
	for _, block := range got.Blocks {
		c.blocks[block.Type] = append(c.blocks[block.Type], block)
	}
	attrs, _ := rest.JustAttributes()
	for name, a := range attrs {
		words = append(words, word{name: name, json: true, rng: a.NameRange, value: a.Range})
	}
	sortWords(words)
	return c, words
}

// jsonTwice reports properties that are written again, and returns the other mistakes.
func (l *loader) jsonTwice(diags hcl.Diagnostics, attrs hcl.Attributes) hcl.Diagnostics {
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		if d.Subject == nil || d.Summary != "Duplicate argument" && d.Summary != "Duplicate attribute definition" {
			return false
		}
		name, err := strconv.Unquote(string(l.text[d.Subject.Start.Byte:d.Subject.End.Byte]))
		first := attrs[name]
		if err != nil || first == nil {
			return false
		}
		l.twice(name, first.NameRange, *d.Subject)
		return true
	})
}

func (l *loader) takeNative(c *content, b *hclsyntax.Body, sh *shape) (words []word) {
	c.native = b.Attributes
	for name, a := range b.Attributes {
		if sh.attrs[name] == nil {
			words = append(words, word{name: name, rng: a.NameRange, value: a.Expr.Range()})
		}
	}
	for _, block := range b.Blocks {
		bs := sh.blocks[block.Type]
		if bs == nil {
			words = append(words, word{name: block.Type, block: true, rng: block.TypeRange, value: inside(block)})
		} else if l.labelsOK(block, bs, c.place) {
			c.blocks[block.Type] = append(c.blocks[block.Type], block.AsHCLBlock())
		}
	}
	sortWords(words)
	return words
}

// inside is what stands between the braces of a block.
func inside(b *hclsyntax.Block) hcl.Range {
	return hcl.Range{Filename: b.OpenBraceRange.Filename, Start: b.OpenBraceRange.End, End: b.CloseBraceRange.Start}
}

// labelsOK makes sure that a block has a label if it needs one, and no more.
func (l *loader) labelsOK(b *hclsyntax.Block, bs *blockSpec, p place) bool {
	switch {
	case bs.labelled() && len(b.Labels) == 0:
		l.report(Error, codeMissing, b.TypeRange, p.address, "%s needs a name", b.Type).try("%s \"NAME\" { … }", b.Type)
		l.partial = true
		return false
	case bs.labelled() && len(b.Labels) > 1:
		l.hideRange(hcl.RangeBetween(b.LabelRanges[1], b.LabelRanges[len(b.Labels)-1]))
		l.report(Error, codeWord, b.LabelRanges[1], p.address, "%s has one name", b.Type).try("%s \"NAME\" { … }", b.Type)
	case !bs.labelled() && len(b.Labels) > 0:
		l.hideRange(hcl.RangeBetween(b.LabelRanges[0], b.LabelRanges[len(b.Labels)-1]))
		l.report(Error, codeWord, b.LabelRanges[0], p.address, "%s has no name", b.Type).try("%s { … }", b.Type)
	}
	return true
}

// require reports the required attributes that were not written.
func (l *loader) require(v reflect.Value, p place) {
	s := specOf(v.Type())
	for _, name := range s.order {
		if a := s.attrs[name]; a != nil && a.required {
			if _, ok := l.fields[v.FieldByIndex(a.index).Addr().Interface()]; !ok {
				l.report(Error, codeMissing, p.at, p.address, "%s needs %s", p.kind, name).try("add %s = %s", name, example(a))
			}
		}
	}
	if s.typ != nodeType && !p.scope.node {
		return
	}
	for _, name := range s.order { // blocks of settings, whose attributes may come from several bodies
		bs := s.blocks[name]
		if bs == nil || bs.many || bs.free {
			continue
		}
		f := v.FieldByIndex(bs.index)
		if f.Kind() == reflect.Pointer {
			if f.IsNil() {
				continue
			}
			f = f.Elem()
		}
		if at, ok := l.fields[f.Addr().Interface()]; ok {
			l.require(f, place{address: at.address, kind: name, at: at.rng, scope: p.scope})
		}
	}
}

// setDefaults gives a new struct the values that stand where nothing is written.
func setDefaults(v reflect.Value) { v.Set(specOf(v.Type()).proto) }

// attr evaluates an attribute and sets its field. It remembers where the value stands even if it is wrong, so that it
// does not count as missing. null is as good as nothing.
func (l *loader) attr(expr hcl.Expression, a *attrSpec, f reflect.Value, p place) {
	if a.secret() {
		l.hide(expr)
		l.quiet++
		defer func() { l.quiet-- }()
	}
	at := f.Addr().Interface()
	if f.Type() == reflect.TypeFor[[]string]() {
		l.fields[at] = field{expr.Range(), p.address}
		l.list(expr, a, f, p)
		return
	}
	v, ok := l.eval(expr, p.scope)
	if ok && v.IsNull() {
		return
	}
	l.fields[at] = field{expr.Range(), p.address}
	if !ok || !l.value(v, expr, a, f, p) {
		l.broken[at] = true
	} else if len(l.broken) > 0 {
		delete(l.broken, at) // an inner block has put it right
	}
	if a.name == "nkey" {
		l.hide(expr)
	}
}

// list sets a list of strings and remembers where each of them stands.
func (l *loader) list(expr hcl.Expression, a *attrSpec, f reflect.Value, p place) {
	items, diags := hcl.ExprList(expr)
	if diags.HasErrors() {
		items = []hcl.Expression{expr}
	}
	one := &attrSpec{name: a.name, typ: reflect.TypeFor[string](), oneof: a.oneof, item: true}
	var values []string
	var places []hcl.Range
	add := func(v cty.Value, item hcl.Expression) bool {
		var s string
		if v.IsNull() {
			return l.wrongType(item, a, p, "a list of strings", `["one", "two"]`)
		}
		ok := l.value(v, item, one, reflect.ValueOf(&s).Elem(), p)
		if ok {
			values, places = append(values, s), append(places, item.Range())
		}
		return ok
	}
	good := true
	for _, item := range items {
		v, ok := l.eval(item, p.scope)
		switch {
		case !ok || !v.IsKnown() && !v.IsMarked():
			good = false
		case !diags.HasErrors():
			good = add(v, item) && good
		case v.IsMarked() || v.IsNull() || !v.Type().IsTupleType() && !v.Type().IsListType() && !v.Type().IsSetType():
			good = l.wrongType(item, a, p, "a list of strings", listLike(v))
		default: // a reference to a whole list
			for it := v.ElementIterator(); it.Next(); {
				_, e := it.Element()
				good = add(e, item) && good
			}
		}
	}
	f.Set(reflect.ValueOf(values))
	for i, r := range places {
		l.fields[f.Index(i).Addr().Interface()] = field{r, p.address}
	}
	if !good {
		l.broken[f.Addr().Interface()] = true
	}
}

// value converts one value into one field. It is false when the value is wrong or not known.
func (l *loader) value(v cty.Value, expr hcl.Expression, a *attrSpec, f reflect.Value, p place) bool {
	secret, isSecret := f.Addr().Interface().(*schema.Secret)
	if v.HasMark(sensitive) && !isSecret {
		l.report(Error, codeSensitive, expr.Range(), p.address, "%s would show a secret", a.name).
			try("env(), file() and age() give secrets; write the value of %s itself", a.name)
		return false
	}
	if isSecret {
		return l.secret(v, expr, a, secret, p)
	}
	if v.ContainsMarked() {
		l.report(Error, codeSensitive, expr.Range(), p.address, "%s would show a secret", a.name)
		return false
	}
	if !v.IsWhollyKnown() {
		return false
	}
	if f.Kind() == reflect.Pointer {
		inner := reflect.New(f.Type().Elem())
		if !l.value(v, expr, a, inner.Elem(), p) {
			return false
		}
		f.Set(inner)
		return true
	}
	switch x := f.Addr().Interface().(type) {
	case *string:
		return l.str(v, expr, a, x, p)
	case *bool:
		b, err := convert.Convert(v, cty.Bool)
		if err != nil {
			return l.wrongType(expr, a, p, "true or false", boolLike(v))
		}
		*x = b.True()
		return true
	case *int:
		n, ok := whole(v)
		if !ok {
			return l.wrongType(expr, a, p, "a whole number", example(a))
		}
		if !l.within(int64(n), expr, a, p) {
			return false
		}
		*x = n
		return true
	case *schema.Duration:
		d, err := schema.Duration(0), error(nil)
		if v.Type() == cty.String {
			d, err = schema.ParseDuration(v.AsString())
		}
		if v.Type() != cty.String || err != nil {
			return l.wrongType(expr, a, p, "a duration", durationLike(v))
		}
		if !l.within(int64(d), expr, a, p) {
			return false
		}
		*x = d
		return true
	case *schema.Size:
		n, err := size(v)
		if err != nil {
			return l.wrongType(expr, a, p, "a size", sizeLike(v))
		}
		if !l.within(int64(n), expr, a, p) {
			return false
		}
		*x = n
		return true
	case *map[string]string:
		m, err := convert.Convert(v, cty.Map(cty.String))
		if err != nil {
			return l.wrongType(expr, a, p, "a map of strings", `{ team = "chat" }`)
		}
		*x = map[string]string{}
		for k, e := range m.AsValueMap() {
			if !e.IsNull() {
				(*x)[k] = e.AsString()
			}
		}
		return true
	}
	panic(fmt.Sprintf("schema: %s has type %s, which the decoder does not know", a.name, f.Type()))
}

func (l *loader) str(v cty.Value, expr hcl.Expression, a *attrSpec, x *string, p place) bool {
	s, err := convert.Convert(v, cty.String)
	switch {
	case err != nil && a.item:
		return l.wrongType(expr, a, p, "a list of strings", `["one", "two"]`)
	case err != nil:
		return l.wrongType(expr, a, p, "a string", example(a))
	}
	text := s.AsString()
	if len(a.oneof) > 0 && !slices.Contains(a.oneof, text) {
		d := l.report(Error, codeChoice, expr.Range(), p.address, "%s cannot be %q", a.name, clip(text))
		if best := closest(strings.ToLower(text), a.oneof); best != "" {
			d.try("did you mean %q?", best)
		} else {
			d.try("one of %s", strings.Join(a.oneof, ", "))
		}
		return false
	}
	switch {
	case unrendered(text) && a.name != "description" && a.name != "destination": // where NATS has a use for {{ }}
		l.report(Error, codeTemplate, expr.Range(), p.address, "this looks like a template that was not rendered").
			try("render the template before handing the file over")
		return false
	case isSeed(text) && a.name != "nkey": // about which checkNKey has more to say
		l.hide(expr)
		l.seed(expr.Range(), p.address)
		return false
	}
	*x = text
	return true
}

// unrendered tells whether a text holds {{ … }}, {% … %} or <% … %>.
func unrendered(s string) bool {
	for _, m := range templateMarks {
		if _, rest, ok := strings.Cut(s, m.open); ok && strings.Contains(rest, m.end) {
			return true
		}
	}
	return false
}

// isSeed tells whether a text is the secret half of an nkey.
func isSeed(s string) bool {
	if len(s) != 58 || s[0] != 'S' {
		return false
	}
	_, _, err := nkeys.DecodeSeed([]byte(s))
	return err == nil
}

func (l *loader) seed(r hcl.Range, address string) {
	l.hideRange(r)
	l.report(Error, codeSeed, r, address, "this is the seed of an nkey, which is a secret").
		try("take it out, and replace the key: its seed has been in a file")
}

// secret takes a value that must never be shown.
func (l *loader) secret(v cty.Value, expr hcl.Expression, a *attrSpec, x *schema.Secret, p place) bool {
	hidden := v.HasMark(sensitive)
	v, marks := v.UnmarkDeep()
	l.origins[x] = originOf(marks)
	if !v.IsKnown() {
		if hidden {
			*x = schema.UnknownSecret()
		}
		return hidden
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil || s.IsNull() {
		return l.wrongType(expr, a, p, "a string", "secret.NAME")
	}
	*x = schema.NewSecret(s.AsString())
	if !hidden {
		l.spill(s)
	}
	if !hidden && !isBcrypt(s.AsString()) && s.AsString() != "" {
		l.report(Warning, codeLiteralSecret, expr.Range(), p.address, "%s is written in the file", a.name).
			try("secrets { %s = file(\"/etc/unibus/secrets/%s\") }, and here %s = secret.%s", a.name, a.name, a.name, a.name)
	}
	return true
}

// originOf is where a secret comes from, or "" when it is written in the file.
func originOf(marks cty.ValueMarks) string {
	var all []string
	for m := range marks {
		if o, ok := m.(origin); ok {
			all = append(all, string(o))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// within checks the range of a number.
func (l *loader) within(n int64, expr hcl.Expression, a *attrSpec, p place) bool {
	switch {
	case a.min != nil && n < *a.min:
		l.report(Error, codeRange, expr.Range(), p.address, "%s cannot be %s", a.name, a.show(n)).try("at least %s%s", a.show(*a.min), orNothing(n))
		return false
	case a.max != nil && n > *a.max:
		l.report(Error, codeRange, expr.Range(), p.address, "%s cannot be %s", a.name, a.show(n)).try("at most %s", a.show(*a.max))
		return false
	}
	return true
}

func (l *loader) wrongType(expr hcl.Expression, a *attrSpec, p place, want, like string) bool {
	l.report(Error, codeType, expr.Range(), p.address, "%s has to be %s", a.name, want).try("%s = %s", a.name, like)
	return false
}

// listLike is what a value would be as a list of strings, as far as one can guess.
func listLike(v cty.Value) string {
	if !v.IsMarked() && !v.IsNull() && v.Type() == cty.String {
		return fmt.Sprintf("[%q]", clip(v.AsString()))
	}
	return `["one", "two"]`
}

// boolLike is what a value would be as true or false, as far as one can guess.
func boolLike(v cty.Value) string {
	if s, err := convert.Convert(v, cty.String); err == nil && !s.IsNull() && slices.Contains([]string{"no", "off", "0", "disabled"}, strings.ToLower(s.AsString())) {
		return "false"
	}
	return "true"
}

// orNothing is for those who know -1 from NATS.
func orNothing(n int64) string {
	if n == -1 {
		return ", or leave it out"
	}
	return ""
}

// durationText is a duration in words that other programs take; a number alone are seconds.
var durationText = re(`(?i)^\s*([0-9]{1,9})\s*(ms|millis|s|sec|secs|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|)\s*$`)

// durationLike is what a value would be as a duration, as far as one can guess.
func durationLike(v cty.Value) string {
	if s, err := convert.Convert(v, cty.String); err == nil && !s.IsNull() {
		if m := durationText().FindStringSubmatch(s.AsString()); m != nil {
			n, _ := strconv.Atoi(m[1]) // of nine digits at most
			unit := strings.ToLower(m[2] + "s")[:1]
			switch {
			case strings.HasPrefix(strings.ToLower(m[2]), "m") && strings.Contains(strings.ToLower(m[2]), "s") && !strings.Contains(strings.ToLower(m[2]), "n"):
				unit = "ms"
			case unit == "w":
				n, unit = 7*n, "d"
			}
			return fmt.Sprintf("\"%d%s\"", n, unit)
		}
	}
	return `"30s", "5m", "36h" or "7d"`
}

var sizeText = re(`^\s*([0-9]{1,9})\s*([kmgtKMGT])(?:i?[bB]|ig|igs|igabytes?|ega|egs|egabytes?)?\s*$`)

// sizeLike is what a value would be as a size, as far as one can guess.
func sizeLike(v cty.Value) string {
	if v.Type() == cty.String {
		if m := sizeText().FindStringSubmatch(v.AsString()); m != nil {
			return fmt.Sprintf("%q", m[1]+strings.ToUpper(m[2])+"iB")
		}
	}
	return `"512MiB", "40GiB" or a number of bytes`
}

// whole is a number without a fraction that fits an int.
func whole(v cty.Value) (int, bool) {
	n, err := convert.Convert(v, cty.Number)
	if err != nil {
		return 0, false
	}
	i, acc := n.AsBigFloat().Int64()
	return int(i), acc == big.Exact
}

// size is a size as text with a unit or as a number of bytes.
func size(v cty.Value) (schema.Size, error) {
	if v.Type() == cty.String {
		return schema.ParseSize(v.AsString())
	}
	n, ok := whole(v)
	if !ok {
		return 0, fmt.Errorf("not a size")
	}
	return schema.Size(n), nil
}

// example is a value that an attribute could have.
func example(a *attrSpec) string {
	switch {
	case a.def != "" && a.typ.Kind() == reflect.String:
		return strconv.Quote(a.def)
	case a.def != "":
		return a.def
	case len(a.oneof) > 0:
		return strconv.Quote(a.oneof[0])
	case structOf(a.typ) == reflect.TypeFor[schema.Secret]():
		return "secret." + a.name
	case structOf(a.typ).Kind() == reflect.Int && a.min != nil:
		return a.show(*a.min)
	case structOf(a.typ).Kind() == reflect.Int && a.example != "":
		return a.example
	case strings.HasSuffix(a.name, "_file"):
		return `"/etc/unibus/…"`
	}
	return `"…"`
}
