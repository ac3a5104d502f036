package hclconf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Edit changes the secrets of a file in native syntax, and leaves everything else as it is, comments included.
type Edit struct {
	file *hclwrite.File
	top  *hclwrite.Body
}

// NewEdit begins to edit a file without errors. The JSON syntax belongs to what generates it.
func NewEdit(c *Config) (*Edit, error) {
	if isJSON(c.text) {
		return nil, fmt.Errorf("%s is JSON, which is changed where it is generated", c.Name)
	}
	text, diags := opened(bytes.TrimPrefix(c.text, bom), c.Name)
	if diags.HasErrors() {
		return nil, diags
	}
	file, diags := hclwrite.ParseConfig(text, c.Name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	for _, b := range file.Body().Blocks() {
		if b.Type() == "cluster" || b.Type() == "supercluster" {
			return &Edit{file, b.Body()}, nil
		}
	}
	return nil, errors.New("there is no top block")
}

// opened gives blocks on one line the lines that a second argument needs.
func opened(text []byte, name string) ([]byte, hcl.Diagnostics) {
	file, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, diags
	}
	var breaks []int
	var look func(*hclsyntax.Body)
	look = func(body *hclsyntax.Body) {
		for _, b := range body.Blocks {
			if oneLine := b.OpenBraceRange.Start.Line == b.CloseBraceRange.Start.Line; oneLine && (b.Type == "secrets" || b.Type == "routes") {
				breaks = append(breaks, b.OpenBraceRange.End.Byte, b.CloseBraceRange.Start.Byte)
			}
			look(b.Body)
		}
	}
	look(file.Body.(*hclsyntax.Body))
	slices.Sort(breaks)
	for _, at := range slices.Backward(breaks) {
		text = slices.Concat(text[:at], []byte("\n"), text[at:])
	}
	return text, nil
}

// Bytes is the file in canonical form.
func (e *Edit) Bytes() []byte {
	text, _ := Format("", e.file.Bytes())
	return text
}

// secrets is the block that has a secret, or the one that may have it.
func (e *Edit) secrets(name string) *hclwrite.Body {
	var last *hclwrite.Body
	for _, b := range e.top.Blocks() {
		if b.Type() != "secrets" {
			continue
		}
		if last = b.Body(); last.GetAttribute(name) != nil {
			return last
		}
	}
	if last == nil {
		e.top.AppendNewline()
		last = e.top.AppendNewBlock("secrets", nil).Body()
	}
	return last
}

// Sealed is what age() holds for a secret; ok is false when the secret is something else, or not there.
func (e *Edit) Sealed(name string) (ciphertext string, ok bool) {
	call := sealedCall().FindSubmatch(e.expr(name))
	if call == nil {
		return "", false
	}
	return string(call[1]), true
}

// Has tells whether there is a secret.
func (e *Edit) Has(name string) bool { return e.expr(name) != nil }

func (e *Edit) expr(name string) []byte {
	for _, b := range e.top.Blocks() {
		if a := b.Body().GetAttribute(name); b.Type() == "secrets" && a != nil {
			return a.Expr().BuildTokens(nil).Bytes()
		}
	}
	return nil
}

// Seal makes a secret age() of a ciphertext.
func (e *Edit) Seal(name, ciphertext string) {
	e.secrets(name).SetAttributeRaw(name, hclwrite.Tokens{
		{Type: hclsyntax.TokenIdent, Bytes: fmt.Appendf(nil, "age(%q)", ciphertext)},
	})
}

// Keep gives the value that a secret has to another one as well.
func (e *Edit) Keep(name, as string) {
	e.secrets(name).SetAttributeRaw(as, hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: bytes.TrimSpace(e.expr(name))}})
}

// Drop removes a secret.
func (e *Edit) Drop(name string) { e.secrets(name).RemoveAttribute(name) }

// AcceptPrevious makes the routes whose password is one secret accept another as well, or no other where it is "". It
// returns how many such blocks there are.
func (e *Edit) AcceptPrevious(name, previous string) int {
	n := 0
	for _, b := range e.routes() {
		if exprText(b, "password") != "secret."+name {
			continue
		}
		n++
		if previous == "" {
			b.RemoveAttribute("previous_password")
			continue
		}
		b.SetAttributeRaw("previous_password", hclwrite.Tokens{{Type: hclsyntax.TokenIdent, Bytes: []byte("secret." + previous)}})
	}
	return n
}

// Previous is the secret that routes accept beside the given one, or "".
func (e *Edit) Previous(name string) string {
	for _, b := range e.routes() {
		if exprText(b, "password") != "secret."+name {
			continue
		}
		if p, ok := bytes.CutPrefix([]byte(exprText(b, "previous_password")), []byte("secret.")); ok {
			return string(p)
		}
	}
	return ""
}

// Uses tells whether an argument of any block of a type is the given secret.
func (e *Edit) Uses(block, argument, name string) bool {
	return uses(e.top, block, argument, "secret."+name)
}

func uses(body *hclwrite.Body, block, argument, value string) bool {
	return slices.ContainsFunc(body.Blocks(), func(b *hclwrite.Block) bool {
		return b.Type() == block && exprText(b.Body(), argument) == value || uses(b.Body(), block, argument, value)
	})
}

// routes are the routes blocks of all clusters.
func (e *Edit) routes() []*hclwrite.Body {
	var all []*hclwrite.Body
	for _, b := range e.top.Blocks() {
		switch b.Type() {
		case "routes":
			all = append(all, b.Body())
		case "cluster":
			all = append(all, (&Edit{top: b.Body()}).routes()...)
		}
	}
	return all
}

// exprText is the text of an argument, or "".
func exprText(b *hclwrite.Body, name string) string {
	a := b.GetAttribute(name)
	if a == nil {
		return ""
	}
	return string(bytes.TrimSpace(a.Expr().BuildTokens(nil).Bytes()))
}
