package hclconf

import (
	"slices"
	"strings"

	"unibus/config/schema"
)

// maxCrossings is how many exports and imports an account may have. Each import is held against every export.
const maxCrossings = 1000

// The two kinds of what crosses between accounts.
const (
	kindStream  = "stream"
	kindService = "service"
)

// exported is one export.
type exported struct {
	*schema.Export
	account       *schema.Account
	kind, subject string
	at            *string // the subject in the file
}

// imported is one import that can be understood, with the subjects on both sides.
type imported struct {
	*schema.Import
	account       *schema.Account // that uses it
	from          *schema.Account // that exports it
	kind          string
	source        *schema.Imported
	remote, local string
}

// checkExports looks at what crosses between accounts.
func (l *loader) checkExports(e *estate) {
	exports, imports := map[*schema.Account][]exported{}, map[*schema.Account][]*imported{}
	for _, a := range e.Accounts {
		if at := l.tooManyCrossings(a); at != nil {
			l.errorf(at, codeHostile, "account %q has more than %d exports or imports", clip(a.Name), maxCrossings)
			return
		}
		for _, x := range a.Exports {
			if x := l.checkExport(e, a, x); x != nil {
				exports[a] = append(exports[a], *x)
			}
		}
		l.checkSameExports(exports[a])
		l.checkLatencies(exports[a])
	}
	for _, a := range e.Accounts {
		for _, i := range a.Imports {
			if i := l.checkImport(e, a, i); i != nil && l.checkExported(i, exports[i.from]) {
				imports[a] = append(imports[a], i)
			}
		}
		l.checkOverlaps(imports[a])
	}
	if !l.checkImportCircles(e, imports) {
		l.checkTakenForCircles(e, imports, exports)
	}
}

func (l *loader) tooManyCrossings(a *schema.Account) any {
	switch {
	case len(a.Exports) > maxCrossings:
		return a.Exports[maxCrossings]
	case len(a.Imports) > maxCrossings:
		return a.Imports[maxCrossings]
	}
	return nil
}

// checkExport looks at one export by itself, and is nil when it is neither a stream nor a service.
func (l *loader) checkExport(e *estate, a *schema.Account, x *schema.Export) *exported {
	stream, service := l.written(&x.Stream), l.written(&x.Service)
	switch {
	case stream && service:
		l.errorf(&x.Service, codeCrossing, "an export is a stream or a service, not both").
			also(l, &x.Stream, "the stream").try("an export block for each")
		return nil
	case !stream && !service:
		l.errorf(x, codeCrossing, "an export of account %q is neither a stream nor a service", clip(a.Name)).
			try("stream = \"SUBJECT\" for messages that others receive, service = \"SUBJECT\" for requests that they send")
		return nil
	}
	out := &exported{x, a, kindStream, x.Stream, &x.Stream}
	if service {
		out.kind, out.subject, out.at = kindService, x.Service, &x.Service
	}
	if !validSubject(out.subject) {
		l.errorf(out.at, codeSubject, "%q is not a subject to export", clip(out.subject)).try("words with dots between them; * stands for one, > for all the rest")
		return nil
	}
	l.checkImporters(e, out)
	l.checkAnswers(out)
	return out
}

// checkImporters looks at who may import.
func (l *loader) checkImporters(e *estate, x *exported) {
	for i, name := range x.Accounts {
		switch {
		case name == x.account.Name:
			l.warnf(&x.Accounts[i], codeNoEffect, "account %q need not import what is its own", clip(name)).try("leave it out")
		case e.account(name) == nil:
			l.unknownAccount(e, &x.Accounts[i], name)
		}
	}
	switch open := len(x.Accounts) == 0 && x.AccountTokenPosition == nil; {
	case open && x.account.Name == schema.SystemAccount && l.sound(&x.Accounts):
		l.errorf(x.Export, codeSystemExport, "every account could import %q of the system account", clip(x.subject)).
			try("accounts = [\"NAME\"], those that administer the servers")
	case open && l.written(&x.Accounts) && l.sound(&x.Accounts):
		l.warnf(&x.Accounts, codeOpenPermission, "an empty list lets every account import %q", clip(x.subject)).
			try("leave accounts out for every account, or take the export out for none")
	}
	if x.AccountTokenPosition == nil {
		return
	}
	words, n := strings.Split(x.subject, "."), *x.AccountTokenPosition
	switch {
	case len(x.Accounts) > 0:
		l.errorf(&x.Accounts, codeCrossing, "accounts and account_token_position exclude each other: nats-server looks at the position only").
			also(l, &x.AccountTokenPosition, "the position").try("leave out one of them")
	case n > len(words) || words[n-1] != "*":
		l.errorf(&x.AccountTokenPosition, codeCrossing, "word %d of %q is not *", n, clip(x.subject)).
			try("the position of the * that stands for the name of the importing account")
	}
}

// checkAnswers makes sure that only a service answers.
func (l *loader) checkAnswers(x *exported) {
	if x.kind == kindService {
		if x.Latency != nil && x.ResponseType != "" && x.ResponseType != "single" {
			l.errorf(x.Latency, codeCrossing, "nats-server measures the latency of single responses only").
				also(l, &x.ResponseType, "the response type").try("take out latency, or response_type = \"single\"")
		}
		return
	}
	for _, f := range []struct {
		name string
		at   any
		set  bool
	}{
		{"response_type", &x.ResponseType, l.written(&x.ResponseType)},
		{"response_threshold", &x.ResponseThreshold, x.ResponseThreshold != nil},
		{"allow_trace", &x.AllowTrace, x.AllowTrace},
		{"latency", x.Latency, x.Latency != nil},
	} {
		if f.set {
			l.errorf(f.at, codeCrossing, "a stream has no %s; only services have", f.name).try("take it out, or export a service")
		}
	}
}

// checkSameExports makes sure that every export of an account is told apart: of two, nats-server keeps one.
func (l *loader) checkSameExports(all []exported) {
	type key struct{ kind, subject string }
	first := map[key]exported{}
	for _, x := range all {
		k := key{x.kind, x.subject}
		if old, again := first[k]; again {
			l.duplicate(x.at, old.at, "account %q exports %s %q twice", x.account.Name, x.kind, clip(x.subject))
		}
		first[k] = x
	}
}

// checkLatencies makes sure that measurements are not requests of their own.
func (l *loader) checkLatencies(all []exported) {
	for _, x := range all {
		if x.Latency == nil {
			continue
		}
		s := x.Latency.Subject
		again := slices.IndexFunc(all, func(o exported) bool { return o.kind == kindService && within(s, o.subject) })
		switch {
		case !literalSubject(s):
			l.errorf(&x.Latency.Subject, codeSubject, "%q is not a subject to publish to", clip(s)).try("words with dots between them, without wildcards")
		case again >= 0:
			l.errorf(&x.Latency.Subject, codeCrossing, "latencies cannot be published to %q, which is a service itself", clip(s)).
				also(l, all[again].at, "the service").try("another subject")
		}
	}
}

// checkImport looks at one import by itself, and is nil when the rest of the checks would make no sense of it.
func (l *loader) checkImport(e *estate, a *schema.Account, i *schema.Import) *imported {
	switch {
	case i.Stream != nil && i.Service != nil:
		l.errorf(i.Service, codeCrossing, "an import is a stream or a service, not both").
			also(l, i.Stream, "the stream").try("an import block for each")
		return nil
	case i.Stream == nil && i.Service == nil:
		l.errorf(i, codeCrossing, "an import of account %q is neither a stream nor a service", clip(a.Name)).
			try("a block stream or service in it, with the account and the subject there")
		return nil
	}
	in := &imported{Import: i, account: a, kind: kindStream, source: i.Stream}
	if i.Service != nil {
		in.kind, in.source = kindService, i.Service
	}
	if !l.sound(&in.source.Account) || !l.sound(&in.source.Subject) || !l.written(&in.source.Account) || !l.written(&in.source.Subject) {
		return nil
	}
	in.from, in.remote = e.account(in.source.Account), in.source.Subject
	switch {
	case in.from == nil:
		l.unknownAccount(e, &in.source.Account, in.source.Account)
		return nil
	case in.from == a:
		l.errorf(&in.source.Account, codeCrossing, "account %q imports from itself", clip(a.Name)).try("take the import out: the subject is there already")
		return nil
	case !validSubject(in.remote):
		l.errorf(&in.source.Subject, codeSubject, "%q is not a subject to import", clip(in.remote)).try("words with dots between them; * stands for one, > for all the rest")
		return nil
	}
	l.checkImportKind(in)
	if !l.checkLocal(in) {
		return nil
	}
	return in
}

// checkImportKind looks for what only the other kind has.
func (l *loader) checkImportKind(i *imported) {
	if i.kind == kindStream && i.Share {
		l.errorf(&i.Share, codeCrossing, "a stream has no share; only services have").try("take it out")
	}
	if i.kind == kindService && i.AllowTrace {
		l.errorf(&i.AllowTrace, codeCrossing, "allow_trace of a service stands in its export").try("take it out")
	}
	if i.kind == kindService && l.written(&i.Prefix) {
		l.errorf(&i.Prefix, codeCrossing, "a service has no prefix").try("to = \"%s.%s\"", clip(i.Prefix), clip(i.remote))
	}
}

// checkLocal finds the subject in the importing account.
func (l *loader) checkLocal(i *imported) bool {
	to, prefix := l.written(&i.To), l.written(&i.Prefix)
	i.local = i.remote
	switch {
	case !l.sound(&i.To) || !l.sound(&i.Prefix):
		return false
	case to && prefix && i.kind == kindStream:
		l.errorf(&i.Prefix, codeCrossing, "to and prefix exclude each other").also(l, &i.To, "to").try("leave out one of them")
		return false
	case prefix && !literalSubject(strings.TrimSuffix(i.Prefix, ".")):
		l.errorf(&i.Prefix, codeSubject, "%q cannot go before a subject", clip(i.Prefix)).try("words with dots between them, without wildcards")
		return false
	case prefix:
		i.local = strings.TrimSuffix(i.Prefix, ".") + "." + i.remote
	case to:
		i.local = unnumbered(i.To)
		if why := badRename(i.remote, i.To); why != "" {
			l.errorf(&i.To, codeCrossing, "%q cannot stand for %q: %s", clip(i.To), clip(i.remote), why).
				also(l, &i.source.Subject, "the subject there").try("as many wildcards as there, and > at the end if there is one there")
			return false
		}
	}
	return true
}

// unnumbered is a subject with * in place of numbered wildcards.
func unnumbered(s string) string {
	words := strings.Split(s, ".")
	for i, w := range words {
		if oldMapping().MatchString(w) {
			words[i] = "*"
		}
	}
	return strings.Join(words, ".")
}

// badRename tells why an imported subject cannot be called to, or "".
func badRename(from, to string) string {
	local := unnumbered(to)
	stars := strings.Count("."+strings.ReplaceAll(from, ".", "..")+".", ".*.")
	switch {
	case !validSubject(local):
		return "it is not a subject"
	case strings.HasSuffix("."+local, ".>") != strings.HasSuffix("."+from, ".>"):
		return "one of them ends in >, and the other does not"
	case strings.Count("."+strings.ReplaceAll(local, ".", "..")+".", ".*.") != stars:
		return "they have not the same number of wildcards"
	}
	for w := range strings.SplitSeq(to, ".") {
		if oldMapping().MatchString(w) && !refersTo(w[1:], stars) {
			return clip(w) + " refers to a wildcard that is not there"
		}
	}
	return ""
}

// checkExported makes sure that what is imported is exported, to this account. Where several exports fit, nats-server
// v2.15.2 asks any one of them (checkStreamExportApproved), so all have to agree, unless one is exactly the subject.
func (l *loader) checkExported(i *imported, exports []exported) bool {
	var fitting []exported
	for _, x := range exports {
		if x.kind == i.kind && x.subject == i.remote {
			fitting = []exported{x}
			break
		}
		if x.kind == i.kind && within(i.remote, x.subject) {
			fitting = append(fitting, x)
		}
	}
	if len(fitting) == 0 {
		l.notExported(i, exports)
		return false
	}
	for _, x := range fitting {
		words := strings.Split(i.remote, ".")
		switch n := x.AccountTokenPosition; {
		case n != nil && (*n > len(words) || words[*n-1] != i.account.Name):
			l.errorf(&i.source.Subject, codeNotExported, "account %q may import %q only with its own name as word %d", clip(i.account.Name), clip(x.subject), *n).
				also(l, x.at, "the export").try("the name of the account in place of that *")
			return false
		case n == nil && len(x.Accounts) > 0 && !slices.Contains(x.Accounts, i.account.Name):
			l.errorf(&i.source.Subject, codeNotExported, "account %q does not export %s %q to account %q", clip(i.from.Name), i.kind, clip(x.subject), clip(i.account.Name)).
				also(l, &x.Accounts, "those that may import it").try("add %q to accounts of the export", clip(i.account.Name))
			return false
		}
	}
	return true
}

// notExported reports an import without an export, and what there is instead.
func (l *loader) notExported(i *imported, exports []exported) {
	d := l.errorf(&i.source.Subject, codeNotExported, "account %q does not export %s %q", clip(i.from.Name), i.kind, clip(i.remote))
	for _, x := range exports {
		switch {
		case x.kind != i.kind && (x.subject == i.remote || within(i.remote, x.subject)):
			d.also(l, x.at, "it is a %s", x.kind).try("%s { … }", x.kind)
			return
		case x.kind == i.kind && within(x.subject, i.remote):
			d.also(l, x.at, "only a part of it is exported").try("subject = %q", clip(x.subject))
			return
		}
	}
	var known []string
	for _, x := range exports {
		if x.kind == i.kind {
			known = append(known, x.subject)
		}
	}
	if best := closestName(i.remote, known); best != "" {
		d.try("did you mean %q?", clip(best))
		return
	}
	d.try("in account %q: export { %s = %q }", clip(i.from.Name), i.kind, clip(i.remote))
}

// checkOverlaps finds imports of one account that meet on a subject.
func (l *loader) checkOverlaps(all []*imported) {
	for n, i := range all {
		for _, old := range all[:n] {
			twice := old.kind == i.kind && old.from == i.from &&
				(i.kind == kindStream && old.remote == i.remote || i.kind == kindService && old.local == i.local)
			switch {
			case twice:
				l.duplicate(&i.source.Subject, &old.source.Subject, "account %q imports %s %q of account %q twice", i.account.Name, i.kind, clip(i.remote), i.from.Name)
			case old.kind != i.kind || !collide(old.local, i.local):
			case i.kind == kindService:
				l.warnf(&i.source.Subject, codeOverlap, "a request to %q may go to two services", clip(i.local)).
					also(l, &old.source.Subject, "the other one").try("to = \"…\", a subject of its own for each")
			case old.from == i.from && collide(old.remote, i.remote):
				l.warnf(&i.source.Subject, codeOverlap, "some messages of %q arrive twice", clip(i.local)).
					also(l, &old.source.Subject, "the other import").try("import what both have once")
			}
		}
	}
}

// checkImportCircles finds imports through which a message would come back to where it came from, and tells whether there
// are any.
func (l *loader) checkImportCircles(e *estate, imports map[*schema.Account][]*imported) (found bool) {
	const (
		onPath = 1
		done   = 2
	)
	state := map[*imported]int{}
	var path []*imported
	var visit func(i *imported)
	visit = func(i *imported) {
		state[i] = onPath
		path = append(path, i)
		for _, next := range imports[i.from] {
			switch {
			case next.kind != i.kind || !collide(i.remote, next.local):
			case state[next] == onPath:
				found = true
				l.importCircle(path[slices.Index(path, next):])
			case state[next] == 0 && len(path) < maxNames:
				visit(next)
			}
		}
		path = path[:len(path)-1]
		state[i] = done
	}
	for _, a := range e.Accounts {
		for _, i := range imports[a] {
			if state[i] == 0 {
				visit(i)
			}
		}
	}
	return found
}

// checkTakenForCircles finds imports that are no circle, but that nats-server v2.15.2 may take for one
// (checkServiceImportsForCycles, checkStreamImportsForCycles). It compares subjects of different accounts with each other,
// and accounts come in an order of chance, so it may refuse today what it took yesterday.
func (l *loader) checkTakenForCircles(e *estate, imports map[*schema.Account][]*imported, exports map[*schema.Account][]exported) {
	for _, a := range e.Accounts {
		for _, i := range imports[a] {
			suspect := false
			for _, subject := range []string{i.local, i.remote} {
				w := walk{i.kind, imports, exports, map[*schema.Account]bool{a: true}}
				suspect = suspect || (i.kind == kindStream || subject == i.local) && w.returns(i.from, subject)
			}
			if suspect {
				l.errorf(&i.source.Subject, codeImportCircle, "nats-server may take this for an import in a circle, because account %q imports, too", clip(i.from.Name)).
					try("subjects with other words in one of the accounts")
			}
		}
	}
}

// walk is how nats-server looks for a circle.
type walk struct {
	kind    string
	imports map[*schema.Account][]*imported
	exports map[*schema.Account][]exported
	visited map[*schema.Account]bool
}

// returns tells whether it comes back to an account that it has visited.
func (w walk) returns(a *schema.Account, subject string) bool {
	fits := func(x exported) bool { return x.kind == kindStream && within(subject, x.subject) }
	if w.kind == kindStream && !slices.ContainsFunc(w.exports[a], fits) {
		return false
	}
	for _, i := range w.imports[a] {
		met := i.remote
		if w.kind == kindStream {
			met = i.local
		}
		if i.kind != w.kind || !collide(subject, met) {
			continue
		}
		if w.visited[i.from] {
			return true
		}
		w.visited[a] = true
		next := subject
		if within(i.local, subject) {
			next = i.local
		}
		if w.returns(i.from, next) {
			return true
		}
	}
	return false
}

func (l *loader) importCircle(path []*imported) {
	last := path[len(path)-1]
	var steps []string
	for _, i := range path {
		steps = append(steps, clip(i.account.Name))
	}
	d := l.errorf(&last.source.Subject, codeImportCircle, "%ss are imported in a circle: %s", last.kind, strings.Join(append(steps, steps[0]), " ← "))
	for _, i := range path[:len(path)-1] {
		d.also(l, &i.source.Subject, "account %q imports it here", clip(i.account.Name))
	}
	d.try("import in one direction only, or under subjects that do not meet")
}

// account finds an account by name, or is nil. DefaultAccount is always there, written or not.
func (e *estate) account(name string) *schema.Account {
	if a := e.Account(name); a != nil || name != schema.DefaultAccount {
		return a
	}
	return &schema.Account{Name: name}
}

// unknownAccount reports the name of an account that is not there.
func (l *loader) unknownAccount(e *estate, at *string, name string) {
	var known []string
	for _, a := range e.Accounts {
		known = append(known, a.Name)
	}
	d := l.errorf(at, codeCrossing, "there is no account %q", clip(name))
	if best := closestName(name, known); best != "" {
		d.try("did you mean %q?", clip(best))
		return
	}
	d.try("account %q { … } beside the others", clip(name))
}

// closestName is closest without regard to capitals.
func closestName(word string, known []string) string {
	folded := map[string]string{}
	var all []string
	for _, k := range known {
		f := strings.ToLower(k)
		folded[f] = k
		all = append(all, f)
	}
	return folded[closest(word, all)]
}
