package hclconf

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// twin writes a file of the native syntax in the JSON syntax, in the same order.
func twin(t testing.TB, text string) string {
	t.Helper()
	f, diags := hclsyntax.ParseConfig([]byte(text), "t.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	w := twinWriter{t: t, src: []byte(text)}
	w.body(f.Body.(*hclsyntax.Body), "")
	return w.String() + "\n"
}

type twinWriter struct {
	strings.Builder
	t   testing.TB
	src []byte
}

// body writes an object: the arguments, then the blocks by their types in the order of the first of each.
func (w *twinWriter) body(b *hclsyntax.Body, indent string) {
	var fields []func()
	var attrs []*hclsyntax.Attribute
	for _, a := range b.Attributes {
		attrs = append(attrs, a)
	}
	slices.SortFunc(attrs, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	for _, a := range attrs {
		fields = append(fields, func() {
			w.quote(a.Name)
			w.WriteString(": ")
			w.expr(a.Expr, indent+"  ")
		})
	}
	var kinds []string
	byKind := map[string][]*hclsyntax.Block{}
	for _, block := range b.Blocks {
		if byKind[block.Type] == nil {
			kinds = append(kinds, block.Type)
		}
		byKind[block.Type] = append(byKind[block.Type], block)
	}
	for _, kind := range kinds {
		fields = append(fields, func() {
			w.quote(kind)
			w.WriteString(": ")
			w.blocks(byKind[kind], indent+"  ")
		})
	}
	w.fields("{", "}", fields, indent)
}

func (w *twinWriter) blocks(all []*hclsyntax.Block, indent string) {
	var fields []func()
	for _, b := range all {
		fields = append(fields, func() {
			if len(b.Labels) > 0 {
				w.quote(b.Labels[0])
				w.WriteString(": ")
			}
			w.body(b.Body, indent+"  ")
		})
	}
	switch {
	case len(all[0].Labels) > 0:
		w.fields("{", "}", fields, indent)
	case len(all) > 1:
		w.fields("[", "]", fields, indent)
	default:
		w.body(all[0].Body, indent)
	}
}

func (w *twinWriter) fields(open, end string, fields []func(), indent string) {
	w.WriteString(open)
	for i, f := range fields {
		if i > 0 {
			w.WriteString(",")
		}
		w.WriteString("\n" + indent + "  ")
		f()
	}
	if len(fields) > 0 {
		w.WriteString("\n" + indent)
	}
	w.WriteString(end)
}

func (w *twinWriter) expr(e hclsyntax.Expression, indent string) {
	switch e := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		w.Write(e.Range().SliceBytes(w.src))
	case *hclsyntax.TemplateExpr:
		var s strings.Builder
		for _, p := range e.Parts {
			if lit, ok := p.(*hclsyntax.LiteralValueExpr); ok {
				s.WriteString(strings.NewReplacer("${", "$${", "%{", "%%{").Replace(lit.Val.AsString()))
				continue
			}
			fmt.Fprintf(&s, "${%s}", p.Range().SliceBytes(w.src))
		}
		w.quote(s.String())
	case *hclsyntax.TupleConsExpr:
		var items []func()
		for _, x := range e.Exprs {
			items = append(items, func() { w.expr(x, indent+"  ") })
		}
		w.fields("[", "]", items, indent)
	case *hclsyntax.ObjectConsExpr:
		var items []func()
		for _, x := range e.Items {
			items = append(items, func() {
				key, diags := x.KeyExpr.Value(nil)
				if diags.HasErrors() {
					w.t.Fatal(diags)
				}
				w.quote(key.AsString())
				w.WriteString(": ")
				w.expr(x.ValueExpr, indent+"  ")
			})
		}
		w.fields("{", "}", items, indent)
	default:
		w.quote(fmt.Sprintf("${%s}", e.Range().SliceBytes(w.src)))
	}
}

func (w *twinWriter) quote(s string) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		w.t.Fatal(err)
	}
	w.WriteString(strings.TrimSuffix(b.String(), "\n"))
}
