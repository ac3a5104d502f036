package hclconf

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// mark is what cty carries along with a value.
type mark string

// sensitive marks what came from env(), file() or age(). Such a value may only end in a schema.Secret.
const sensitive mark = "sensitive"

// names are the named values of a file, resolved when first needed, so that their order never matters.
type names struct {
	local, secret map[string]*name
	stack         []*name // what is being resolved, to report a circle with every step
	deep          bool    // that it goes too deep was reported
}

type name struct {
	kind, label string
	expr        hcl.Expression
	rng         hcl.Range // of the name
	value       cty.Value
	size        int
	state       nameState
	hidden      bool
}

type nameState uint8

const (
	unresolved nameState = iota
	resolving
	resolved
)

// sorted are all names, in the order of the file.
func (n *names) sorted() []*name {
	all := slices.Concat(slices.Collect(maps.Values(n.local)), slices.Collect(maps.Values(n.secret)))
	slices.SortFunc(all, func(a, b *name) int { return cmp.Compare(a.rng.Start.Byte, b.rng.Start.Byte) })
	return all
}

func (n *name) String() string { return n.kind + "." + n.label }

// scope is where an expression stands: the values it may use besides the names.
type scope struct {
	vars  map[string]cty.Value // node and cluster, where they are known
	funcs map[string]function.Function
	node  bool // the settings of one node are evaluated
}

// eval is the value of an expression. It is not ok when an error was reported; a value that is unknown and not sensitive
// comes from a mistake that was reported elsewhere.
func (l *loader) eval(expr hcl.Expression, sc *scope) (v cty.Value, ok bool) {
	if v, ok := literal(expr); ok {
		return v, l.sizeOK(expr, 0) && l.numbersOK(expr, v)
	}
	if !l.sizeOK(expr, 0) || l.work > maxWork { // which was reported
		return cty.DynamicVal, false
	}
	if _, native := expr.(hclsyntax.Expression); !native {
		v, templates, ok := l.jsonValue(expr)
		if !templates || !ok {
			return v, ok
		}
	}
	if !l.treeOK(expr) {
		return cty.DynamicVal, false
	}
	ctx, ok := l.context(expr, sc)
	if !ok {
		return cty.DynamicVal, false
	}
	v, diags := expr.Value(ctx)
	for _, d := range diags {
		l.evaluation(d, expr)
	}
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	return v, l.spend(expr, length(v)) && l.numbersOK(expr, v)
}

// literal is the value of what needs no context, which is nearly everything.
func literal(expr hcl.Expression) (cty.Value, bool) {
	switch e := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return e.Val, true
	case *hclsyntax.TemplateExpr:
		if len(e.Parts) == 1 {
			if part, ok := e.Parts[0].(*hclsyntax.LiteralValueExpr); ok {
				return part.Val, true
			}
		}
	}
	return cty.DynamicVal, false
}

// context has the values of all names that an expression uses.
func (l *loader) context(expr hcl.Expression, sc *scope) (*hcl.EvalContext, bool) {
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: sc.funcs}
	maps.Copy(ctx.Variables, sc.vars)
	size, good := 0, true
	used := map[string]map[string]cty.Value{}
	for _, tr := range expr.Variables() {
		n, ok := l.refer(tr, sc)
		good = good && ok
		if n == nil {
			continue
		}
		size += n.size
		if used[n.kind] == nil {
			used[n.kind] = map[string]cty.Value{}
		}
		used[n.kind][n.label] = n.value
	}
	for root, values := range used {
		ctx.Variables[root] = cty.ObjectVal(values)
	}
	return ctx, good && l.sizeOK(expr, size)
}

func (l *loader) sizeOK(expr hcl.Expression, referred int) bool {
	r := expr.Range()
	if n := r.End.Byte - r.Start.Byte; n > maxLiteral {
		l.report(Error, codeHostile, r, "", "the value takes %d bytes of the file, more than the %d that are read", n, maxLiteral)
		return false
	}
	if referred > maxString {
		l.report(Error, codeHostile, r, "", "the value grows beyond %d bytes", maxString)
		return false
	}
	return true
}

// spend counts what evaluating costs, which a short file can make long.
func (l *loader) spend(expr hcl.Expression, size int) bool {
	r := expr.Range()
	if size > maxString {
		l.report(Error, codeHostile, r, "", "the value grows beyond %d bytes", maxString)
		return false
	}
	if l.work += size + r.End.Byte - r.Start.Byte; l.work <= maxWork {
		return true
	}
	if !l.seen[diagKey{code: codeHostile, text: "work"}] { // once is enough
		l.seen[diagKey{code: codeHostile, text: "work"}] = true
		l.report(Error, codeHostile, r, "", "all expressions together grow beyond %d bytes", maxWork)
	}
	return false
}

// numbersOK refuses numbers that would take megabytes when they are written out, as 1e1000000 would.
func (l *loader) numbersOK(expr hcl.Expression, v cty.Value) bool {
	v, _ = v.Unmark()
	if v.Type() != cty.Number || v.IsNull() || !v.IsKnown() {
		return true
	}
	switch {
	case v.AsBigFloat().IsInf():
		l.report(Error, codeExpression, expr.Range(), "", "the value is infinite")
		return false
	case magnitude(v) <= maxMagnitude:
		return true
	}
	l.report(Error, codeHostile, expr.Range(), "", "the number has hundreds of digits")
	return false
}

// maxMagnitude is how many binary digits a number may have before or behind the point.
const maxMagnitude = 4096

func magnitude(v cty.Value) int {
	f := v.AsBigFloat()
	if f.IsInf() {
		return maxMagnitude + 1
	}
	exp := f.MantExp(nil)
	return max(exp, -exp)
}

// treeOK looks through an expression for what must not be evaluated.
func (l *loader) treeOK(expr hcl.Expression) bool {
	e, native := expr.(hclsyntax.Expression)
	if !native {
		return true // jsonValue has looked
	}
	digits, good := 0, true
	hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *hclsyntax.ForExpr:
			good = false
		case *hclsyntax.LiteralValueExpr:
			if n.Val.Type() == cty.Number && n.Val.IsKnown() && !n.Val.IsNull() {
				digits += magnitude(n.Val)
			}
		}
		return nil
	})
	switch {
	case !good:
		l.report(Error, codeFor, e.Range(), "", "`for` is not part of the language").try("write every value out, or generate the JSON form")
	case digits > maxMagnitude:
		l.report(Error, codeHostile, e.Range(), "", "the number has hundreds of digits")
		good = false
	}
	return good
}

// jsonValue is a value of the JSON syntax as it is written. Its strings are templates, which are scanned here before
// anything else may parse them.
func (l *loader) jsonValue(expr hcl.Expression) (v cty.Value, templates, ok bool) {
	v, diags := expr.Value(nil)
	for _, d := range diags {
		l.evaluation(d, expr)
	}
	if diags.HasErrors() {
		return cty.DynamicVal, false, false
	}
	ok = true
	look := func(s string) {
		if !strings.Contains(s, "${") && !strings.Contains(s, "%{") {
			return
		}
		templates = true
		for _, f := range scanTemplate([]byte(s)).flaws {
			l.report(Error, f.code, expr.Range(), "", "%s", f.detail).Hint = f.hint
			ok = false
		}
	}
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		switch t := v.Type(); {
		case v.IsNull():
		case t == cty.String:
			look(v.AsString())
		case t == cty.Number:
			ok = ok && l.numbersOK(expr, v)
		case t.IsObjectType():
			for name := range t.AttributeTypes() {
				look(name)
			}
		}
		return true, nil
	})
	return v, templates, ok
}

// refer resolves what a traversal begins with. It is nil for node and cluster, which the scope holds.
func (l *loader) refer(tr hcl.Traversal, sc *scope) (*name, bool) {
	root, label := tr.RootName(), ""
	if len(tr) > 1 {
		if step, ok := tr[1].(hcl.TraverseAttr); ok {
			label = step.Name
		}
	}
	vars, isVar := sc.vars[root]
	all, isName := map[string]map[string]*name{"local": l.names.local, "secret": l.names.secret}[root]
	switch {
	case isName && all[label] != nil:
		return all[label], l.resolve(all[label])
	case isVar && label != "" && vars.Type().HasAttribute(label):
		return nil, true
	}
	d := func(format string, args ...any) *Diagnostic {
		return l.report(Error, codeReference, tr.SourceRange(), "", format, args...)
	}
	switch {
	case isName && label == "":
		d("%s has to be followed by a name", root).try("%s.NAME", root)
	case isName:
		l.unknownName(d("there is no %s.%s", root, clip(label)), root, label, all)
	case isVar:
		d("there is no %s.%s", root, clip(label)).try("known are %s", strings.Join(attributes(root, vars), ", "))
	case root == "node" || root == "cluster":
		d("%s is not known here", root).
			try("use %s only in node, tls, jetstream, monitor and the ports, which are evaluated for each node", root)
	case l.quiet > 0:
		d("a secret is not a name").try("secret.NAME, or the text in quotation marks")
	default:
		d("there is no %q", clip(root)).try("%s", bareWord(root, label))
	}
	return nil, false
}

func (l *loader) unknownName(d *Diagnostic, root, label string, all map[string]*name) {
	if best := closest(label, slices.Sorted(maps.Keys(all))); best != "" {
		d.try("did you mean %s.%s?", root, best)
		return
	}
	d.try("add %s to the %ss block", clip(label), root)
}

func attributes(root string, v cty.Value) []string {
	var all []string
	for name := range v.Type().AttributeTypes() {
		all = append(all, root+"."+name)
	}
	slices.Sort(all)
	return all
}

// resolve evaluates a name once. A name that failed resolves to an unknown value, so that its uses stay silent.
func (l *loader) resolve(n *name) bool {
	switch {
	case n.state == resolved:
		return true
	case n.state == resolving:
		l.circle(n)
		return false
	case len(l.names.stack) >= maxNames && l.names.deep:
		return false
	case len(l.names.stack) >= maxNames:
		l.names.deep = true
		l.report(Error, codeHostile, n.rng, "", "more than %d names refer to each other", maxNames)
		return false
	}
	n.state = resolving
	n.value = cty.DynamicVal
	l.names.stack = append(l.names.stack, n)
	if n.kind == "secret" || secretWord().MatchString(n.label) {
		l.quiet++
		defer func() { l.quiet-- }()
	}
	if v, ok := l.eval(n.expr, l.global); ok {
		n.value = v
		if n.kind == "secret" && !v.IsNull() {
			n.value = l.asSecret(n, v)
		}
		n.size = l.sizeOf(n)
	}
	l.names.stack = l.names.stack[:len(l.names.stack)-1]
	n.state = resolved
	return true
}

// sizeOf is at least how long a name's value is, however deep it is nested.
func (l *loader) sizeOf(n *name) int {
	r := n.expr.Range()
	size := r.End.Byte - r.Start.Byte + length(n.value)
	if _, plain := literal(n.expr); plain {
		return size
	}
	for _, tr := range n.expr.Variables() {
		if other := l.lookup(tr); other != nil {
			size += other.size
		}
	}
	return size
}

// asSecret makes a value of the secrets block sensitive, wherever it came from.
func (l *loader) asSecret(n *name, v cty.Value) cty.Value {
	if !v.HasMark(sensitive) && v.IsKnown() {
		l.report(Warning, codeLiteralSecret, n.expr.Range(), "", "secret %q is written in the file", clip(n.label)).
			try("%s = file(\"/etc/unibus/secrets/%s\") or env(\"NAME\")", clip(n.label), clip(n.label))
		l.spill(v)
	}
	return v.Mark(sensitive)
}

func (l *loader) lookup(tr hcl.Traversal) *name {
	if len(tr) < 2 {
		return nil
	}
	step, ok := tr[1].(hcl.TraverseAttr)
	if !ok {
		return nil
	}
	switch tr.RootName() {
	case "local":
		return l.names.local[step.Name]
	case "secret":
		return l.names.secret[step.Name]
	}
	return nil
}

func length(v cty.Value) int {
	v, _ = v.Unmark()
	if v.IsKnown() && !v.IsNull() && v.Type() == cty.String {
		return len(v.AsString())
	}
	return 0
}

// circle reports names that need each other, with every step.
func (l *loader) circle(n *name) {
	at := slices.Index(l.names.stack, n)
	steps := l.names.stack[at:]
	var text []string
	for _, s := range steps {
		text = append(text, clip(s.String()))
	}
	d := l.report(Error, codeCircle, n.expr.Range(), "", "%s needs itself: %s → %s", clip(n.String()), strings.Join(text, " → "), clip(n.String()))
	for _, s := range steps {
		d.alsoAt(l, s.rng, "%s", clip(s.String()))
	}
}

// collect takes the attributes of a locals or secrets block. Names given twice are reported.
func (l *loader) collect(kind string, into map[string]*name, body hcl.Body) {
	for _, a := range l.justAttributes(body) {
		n := &name{kind: kind, label: a.Name, expr: a.Expr, rng: a.NameRange}
		if old := into[a.Name]; old != nil {
			first, again := old.rng, n.rng
			if first.Start.Byte > again.Start.Byte {
				first, again = again, first
			}
			l.report(Error, codeDuplicate, again, "", "%s is defined twice", clip(n.String())).alsoAt(l, first, "first defined here")
			continue
		}
		into[a.Name] = n
		if kind == "secret" || secretWord().MatchString(a.Name) {
			l.hide(a.Expr)
		}
	}
}

// justAttributes are the attributes of a block whose attributes have any name, in the order of the file.
func (l *loader) justAttributes(body hcl.Body) []*hcl.Attribute {
	var all []*hcl.Attribute
	if b, ok := body.(*hclsyntax.Body); ok {
		for _, a := range b.Attributes {
			all = append(all, a.AsHCLAttribute())
		}
		for _, block := range b.Blocks {
			l.hideRange(inside(block))
			l.report(Error, codeWord, block.TypeRange, "", "here are only arguments, %s is a block", clip(block.Type)).try("%s = …", clip(block.Type))
		}
	} else {
		attrs, diags := body.JustAttributes()
		l.syntax(l.jsonTwice(diags, attrs))
		all = slices.Collect(maps.Values(attrs))
	}
	slices.SortFunc(all, func(a, b *hcl.Attribute) int { return cmp.Compare(a.NameRange.Start.Byte, b.NameRange.Start.Byte) })
	return all
}

// hostError is why env(), file() or age() has no value on this host.
type hostError struct {
	code         Code
	detail, hint string
}

func (e *hostError) Error() string { return e.detail }

// origin marks where a secret comes from, so that one that opens two layers is found though its value is not known.
type origin string

// functions are env, file and age. Away from their own host they are unknown.
func (l *loader) functions(here bool) map[string]function.Function {
	make1 := func(name, param string, f func(string) (string, error)) function.Function {
		return function.New(&function.Spec{
			Params: []function.Parameter{{Name: param, Type: cty.String, AllowMarked: true, AllowUnknown: true}},
			Type:   function.StaticReturnType(cty.String),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				if args[0].IsMarked() {
					return cty.UnknownVal(cty.String), &hostError{codeSensitive, name + "() would show a secret", "write the " + param + " itself"}
				}
				if !args[0].IsKnown() {
					return cty.UnknownVal(cty.String), nil
				}
				if name == "age" { // its form is known without a key
					if _, err := stanzas(args[0].AsString()); err != nil {
						return cty.UnknownVal(cty.String), err
					}
				}
				marks := cty.NewValueMarks(sensitive, origin(name+" "+args[0].AsString()))
				if f == nil || !here {
					return cty.UnknownVal(cty.String).WithMarks(marks), nil
				}
				s, err := f(args[0].AsString())
				if err != nil {
					return cty.UnknownVal(cty.String), err
				}
				return cty.StringVal(s).WithMarks(marks), nil
			},
		})
	}
	var env, file func(string) (string, error)
	if l.host.Env != nil {
		env = l.env
	}
	if l.host.ReadFile != nil {
		file = l.readFile
	}
	return map[string]function.Function{
		"env": make1("env", "name", env), "file": make1("file", "path", file), "age": make1("age", "text", l.host.Age),
	}
}

func (l *loader) env(name string) (string, error) {
	v, ok := l.host.Env(name)
	if !ok {
		return "", &hostError{
			codeSecretMissing, fmt.Sprintf("the environment variable %s is not set", name),
			fmt.Sprintf("set %s where unibus is started, for instance with EnvironmentFile= in its systemd unit", name),
		}
	}
	return v, nil
}

// readFile is the content of a file without the line break at its end, which editors and echo put there.
func (l *loader) readFile(name string) (string, error) {
	if !path.IsAbs(name) && !filepath.IsAbs(name) {
		return "", &hostError{codeSecretMissing, fmt.Sprintf("file(%q) is not an absolute path", name), "write the full path"}
	}
	b, err := l.host.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "", &hostError{
			codeSecretDenied, fmt.Sprintf("%s cannot be read: permission denied", name),
			"make it readable for the user that unibus runs as, and for nobody else",
		}
	case errors.Is(err, fs.ErrNotExist):
		return "", &hostError{codeSecretMissing, fmt.Sprintf("%s does not exist", name), "put the secret there, or correct the path"}
	case err != nil:
		return "", &hostError{codeSecretMissing, fmt.Sprintf("%s cannot be read: %v", name, err), ""}
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if s == "" {
		return "", &hostError{codeSecretMissing, fmt.Sprintf("%s is empty", name), "put the secret there"}
	}
	return s, nil
}

// readSecretFile reads a file of at most maxLiteral bytes, so that a wrong path cannot fill the memory.
func readSecretFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would block for ever
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("not a regular file"))
	}
	b, err := io.ReadAll(io.LimitReader(f, maxLiteral+1))
	if err == nil && len(b) > maxLiteral {
		err = fmt.Errorf("more than %d bytes", maxLiteral)
	}
	return b, err
}

// evaluation reports what went wrong while an expression was evaluated.
func (l *loader) evaluation(d *hcl.Diagnostic, expr hcl.Expression) {
	r := expr.Range()
	if d.Subject != nil {
		r = *d.Subject
	}
	if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](d); ok {
		var host *hostError
		if errors.As(call.FunctionCallError(), &host) {
			if d.Context != nil {
				r = *d.Context
			}
			l.report(Error, host.code, r, "", "%s", host.detail).Hint = host.hint
			return
		}
	}
	if l.quiet > 0 {
		l.report(Error, codeExpression, r, "", "the value of a secret cannot be evaluated").
			try("env(\"NAME\"), file(\"PATH\"), age(\"…\"), or text in quotation marks, with $${ for ${")
		return
	}
	if unknown, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d); ok {
		l.report(Error, codeReference, r, "", "there is no function %q", clip(unknown.CalledFunctionName())).
			try("the functions are env(\"NAME\"), file(\"PATH\") and age(\"…\")")
		return
	}
	l.report(Error, codeExpression, r, "", "%s", clipLong(phrase(d)))
}

// clipLong shortens a sentence that may repeat what somebody wrote.
func clipLong(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}

// bareWord is what to write in place of a word that is no name.
func bareWord(root, label string) string {
	switch strings.ToLower(root) {
	case "yes", "on", "enabled":
		return "true"
	case "no", "off", "disabled":
		return "false"
	case "locals", "var", "vars":
		return "did you mean local." + cmp.Or(clip(label), "NAME") + "?"
	case "secrets":
		return "did you mean secret." + cmp.Or(clip(label), "NAME") + "?"
	}
	const names = "names are local.NAME, secret.NAME, node.name, node.address and cluster.name"
	if label != "" {
		return "text stands in quotation marks; " + names
	}
	return fmt.Sprintf("%q, with quotation marks, if it is text; %s", clip(root), names)
}
