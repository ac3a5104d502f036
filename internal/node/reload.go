package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"time"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/hclconf"
	"unibus/internal/plan"
	"unibus/internal/server"
)

// What makes a node look at its file.
const (
	byStart       = "start"
	byFile        = "file"
	bySignal      = "signal"
	byCommand     = "command"
	byCertificate = "certificate"
	byRevert      = "revert"

	// byRenewal is byCertificate while another file is refused, which stays the last that was looked at.
	byRenewal = "renewal"
)

// follow reloads with every change of the file, every signal, and at the end of a trial, until ctx ends.
func (d *daemon) follow(ctx context.Context) error {
	if !d.awaitListening(ctx) {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- d.watch(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case <-d.File.Reload:
			d.reloadFile(ctx, bySignal, api.ReloadRequest{})
		case <-d.trialOver.C:
			d.revert()
		}
	}
}

// reload reads the file again, as an operator asks for it.
func (d *daemon) reload(ctx context.Context, req api.ReloadRequest) api.Reload {
	if d.File == nil {
		return unread(byCommand, "this node follows no file")
	}
	if req.Keep {
		return d.keepTrial()
	}
	return d.reloadFile(ctx, byCommand, req)
}

// reloadFile is the one function behind every reload.
func (d *daemon) reloadFile(ctx context.Context, trigger string, req api.ReloadRequest) api.Reload {
	d.changing.Lock()
	defer d.changing.Unlock()
	text, err := readSettled(ctx, d.File.Path)
	if err != nil {
		r := d.remember(unread(trigger, err.Error()), req.DryRun)
		if !req.DryRun {
			d.Log.Error("the file cannot be read, the last good one goes on", "file", d.File.Path, "error", err)
			d.renew()
		}
		return r
	}
	return d.look(text, trigger, req)
}

// apply takes up a file as far as that is possible while the server runs. Either all of its live part is taken up or
// nothing is.
func (d *daemon) apply(c *hclconf.Config, read map[string][]byte, trigger string, req api.ReloadRequest) api.Reload {
	r := api.Reload{
		Result: api.ReloadRefused, Time: time.Now().UTC(), Trigger: trigger, FileHash: c.FileHash, Digest: c.Digest,
		Diagnostics: ViewDiagnostics(c.Diagnostics), Problems: []api.PlanProblem{},
	}
	refuse := func(why string) api.Reload {
		if !req.DryRun {
			d.Log.Error("the file is refused, the last good one goes on", "file", d.File.Path, "because", why)
		}
		return r
	}
	switch {
	case c.FileHash == d.rejected && trigger != byCommand && trigger != byRevert:
		r.Error = errRejected.Error()
		return refuse(r.Error)
	case c.Topology == nil:
		return refuse(refusal(&r))
	case req.TrySeconds > 0 && !d.canTry(c):
		r.Error = "this file is no new one: there is nothing that a trial could go back to"
		return refuse(r.Error)
	}
	d.mu.Lock()
	running, old, srv := d.running, d.file, d.srv
	d.mu.Unlock()
	p := plan.Diff(running, c.Topology)
	counted(p, srv)
	view := ViewPlan(p, old, c)
	r.Plan = &view
	for _, problem := range d.tooBig(p, req.Accept) {
		r.Problems = append(r.Problems, viewProblem(problem, c))
	}
	if len(r.Problems) > 0 {
		return refuse(refusal(&r))
	}
	live := plan.LivePart(running, c.Topology, d.Node)
	conf, err := d.verify(c, live, req.DryRun)
	if err != nil {
		return refuse(mistake(&r, c, err))
	}
	if unfit := d.unfit(c, read); len(unfit) > 0 {
		r.Diagnostics = append(r.Diagnostics, ViewDiagnostics(unfit)...)
		return refuse(refusal(&r))
	}
	if req.DryRun {
		r.Result = api.ReloadDryRun
		return r
	}
	d.reached("planned")
	pending := pendingRestart(live, c, d.Node)
	given, err := d.give(srv, conf, facts(c, false, pending))
	switch {
	case errors.Is(err, server.ErrBroken):
		d.Log.Error("only a restart helps", "error", err)
		live, pending = running, []api.Pending{{Attribute: "the server", Old: "broken", New: "restarted"}}
	case err != nil:
		return refuse(mistake(&r, c, err))
	}
	r.Result = api.ReloadApplied
	switch {
	case len(pending) > 0:
		r.Result = api.ReloadPending
	case p.Class() == plan.None && !given:
		r.Result = api.ReloadUnchanged
	}
	d.take(live, c, read, pending, req, &r)
	if r.Result != api.ReloadUnchanged {
		d.Log.Info("reloaded", "trigger", trigger, "result", r.Result, "digest", short(c.Digest), "changes", changes(p, d.Node))
	}
	return r
}

// counted corrects a plan by the members that the meta group has, as far as the server knows them.
func counted(p *plan.Plan, srv *server.Server) {
	if srv == nil {
		return
	}
	members := srv.Members()
	if len(members) > 0 {
		p.Counted(len(members), func(node string) bool {
			return slices.ContainsFunc(members, func(m server.Member) bool { return m.ID == server.PeerID(node) })
		})
	}
}

// mistake adds to a result why a file cannot be run: as a diagnostic, where a value of the file is at fault.
func mistake(r *api.Reload, c *hclconf.Config, err error) string {
	if diag, ok := Diagnose(c, err); ok {
		r.Diagnostics = append(r.Diagnostics, ViewDiagnostics([]hclconf.Diagnostic{diag})...)
	} else {
		r.Error = err.Error()
	}
	return refusal(r)
}

// verify is what to give the server of a file of which some is live. What it finds in all of the file, before any part is
// taken up, is what nats-server would refuse at the next start, certificates included. Where all is live and to be given,
// that is left to give.
func (d *daemon) verify(c *hclconf.Config, live *schema.Topology, dryRun bool) (server.Conf, error) {
	all, err := d.conf(c.Topology)
	if err != nil {
		return all, err
	}
	part, err := d.conf(live)
	if err != nil || !dryRun && part.Text() == all.Text() {
		return all, err // whose values have places in the file
	}
	_, err = all.Options()
	return part, err
}

// unfit is why peers would not accept a certificate, or own authorities, that this node does not run with yet: with it
// all would look well until the next connection. One that it runs with keeps no file from being taken up.
func (d *daemon) unfit(c *hclconf.Config, read map[string][]byte) []hclconf.Diagnostic {
	_, n := c.Topology.Node(d.Node)
	if n.TLS == nil {
		return nil
	}
	same := func(name string) bool { return bytes.Equal(read[name], d.read[name]) }
	if same(n.TLS.CertFile) && same(n.TLS.CAFile) {
		return nil
	}
	authorities, _ := c.At(&n.TLS.CAFile)
	return slices.DeleteFunc(CheckCertificate(c, n, time.Now()), func(f hclconf.Diagnostic) bool {
		another := f.Code == hclconf.CodeExpiry && f.Range.Start == authorities.Start // authority, which has expired beside a good one
		return f.Severity != hclconf.Error || f.Code == hclconf.CodeMode || another
	})
}

// give gives the running server another configuration, unless it has that already, and with it what stock tools are to
// be told. It says whether more has changed than that. It is all or nothing.
func (d *daemon) give(srv *server.Server, conf server.Conf, facts map[string]string) (given bool, err error) {
	if srv == nil {
		return false, errNoServer
	}
	served := fingerprint(conf)
	d.mu.Lock()
	given = served != d.served
	told := maps.Equal(facts, d.told)
	d.mu.Unlock()
	if !given && told {
		return false, nil
	}
	if err := srv.Reload(conf.WithMetadata(facts)); err != nil {
		return false, err
	}
	d.reached("given to the server")
	d.mu.Lock()
	d.served, d.told = served, facts
	d.mu.Unlock()
	d.Log.Debug("the server is reloaded")
	return given, nil
}

// restate gives the server what it runs anew, because what is told of it has changed.
func (d *daemon) restate(srv *server.Server, t *schema.Topology, facts map[string]string) error {
	conf, err := d.conf(t)
	if err == nil {
		_, err = d.give(srv, conf, facts)
	}
	return err
}

// asServed tells whether the server runs with what is there. Otherwise a certificate that was refused lies there, which
// any reload of the server would read.
func (d *daemon) asServed(t *schema.Topology) bool {
	conf, err := d.conf(t)
	if err != nil {
		return false
	}
	now := fingerprint(conf)
	d.mu.Lock()
	defer d.mu.Unlock()
	return now == d.served
}

// fingerprint is the same for two configurations that are the same to a server, the content of certificates included.
func fingerprint(conf server.Conf) string {
	h := sha256.New()
	_, _ = io.WriteString(h, conf.Text())
	for _, name := range conf.Files() {
		b, _ := readFile(name)
		sum := sha256.Sum256(b)
		_, _ = h.Write(sum[:])
	}
	return string(h.Sum(nil))
}

// take makes an accepted file the one that counts.
func (d *daemon) take(live *schema.Topology, c *hclconf.Config, read map[string][]byte, pending []api.Pending, req api.ReloadRequest, r *api.Reload) {
	d.mu.Lock()
	switch {
	case c.FileHash != d.file.FileHash:
		d.since, d.before = time.Now(), d.file
		if d.trial != nil { // what nobody has kept is nothing to go back to
			d.before = d.trial.previous
		}
		if r.Trigger != byRevert {
			d.rejected = ""
		}
		d.tryOrEnd(req, r)
	case req.TrySeconds > 0:
		d.tryOrEnd(req, r)
	}
	rerun := d.rerun
	if reflect.DeepEqual(declared(d.running), declared(live)) {
		rerun = nil
	}
	d.running, d.pending, d.failed = live, pending, ""
	d.file, d.read = c, read
	if r.Trigger != byRenewal {
		d.last = kept(*r)
	}
	d.mu.Unlock()
	d.reached("taken")
	if rerun != nil {
		rerun()
	}
	d.keepLastGood()
}

// declared is what bootstrap looks at.
func declared(t *schema.Topology) any {
	type node struct {
		name, cluster string
		tags          []string
		js, arbiter   bool
	}
	type account struct {
		name string
		schema.Contents
	}
	var nodes []node
	var accounts []account
	for _, c := range t.Clusters {
		for _, n := range c.Nodes {
			nodes = append(nodes, node{n.Name, c.Name, n.Tags, n.JetStream.Enabled, n.Arbiter})
		}
	}
	for _, a := range t.Accounts {
		held := account{a.Name, a.Contents}
		held.Users = nil
		accounts = append(accounts, held)
	}
	return []any{t.Bootstrap, nodes, accounts}
}

// pendingRestart is what of a file waits for a restart of a node.
func pendingRestart(live *schema.Topology, c *hclconf.Config, node string) []api.Pending {
	var out []api.Pending
	for _, change := range plan.Diff(live, c.Topology).Node(node).Changes {
		if change.Class == plan.Restart {
			out = append(out, api.Pending{Attribute: change.Attribute, Old: change.Old, New: change.New, Place: lineOf(place(c, change.NewAt))})
		}
	}
	return out
}

// attributes are what waits for a restart, in one line.
func attributes(pending []api.Pending) string {
	var names []string
	for _, p := range pending {
		names = append(names, p.Attribute)
	}
	return strings.Join(names, ", ")
}

// tooBig are the steps that this node refuses to take.
func (d *daemon) tooBig(p *plan.Plan, accept []string) []plan.Problem {
	return slices.DeleteFunc(slices.Clone(p.Problems), func(problem plan.Problem) bool {
		return !problem.Concerns(d.Node) || problem.Accept != "" && slices.Contains(accept, problem.Accept)
	})
}

// remember keeps the result of a reload for status and for stock tools. A dry run leaves no trace.
func (d *daemon) remember(r api.Reload, dryRun bool) api.Reload {
	if dryRun {
		return r
	}
	d.mu.Lock()
	d.last = kept(r)
	srv, t, told := d.srv, d.running, facts(d.file, r.Result == api.ReloadRefused, d.pending)
	known := maps.Equal(told, d.told)
	d.mu.Unlock()
	if known {
		return r
	}
	if !d.asServed(t) {
		return r
	}
	if err := d.restate(srv, t, told); err != nil && !errors.Is(err, errNoServer) {
		d.Log.Warn("stock tools do not see what came of the reload", "error", err)
	}
	return r
}

// kept is what of a result is worth keeping.
func kept(r api.Reload) *api.Reload {
	r.Plan = nil
	return &r
}

// unread is the result of a reload that did not come as far as a text.
func unread(trigger, why string) api.Reload {
	return api.Reload{
		Result: api.ReloadRefused, Time: time.Now().UTC(), Trigger: trigger, Error: why,
		Diagnostics: []api.Diagnostic{}, Problems: []api.PlanProblem{},
	}
}

// firstLook is the result of the reload that the start was.
func (d *daemon) firstLook() *api.Reload {
	c := d.File.Config
	r := &api.Reload{
		Result: api.ReloadApplied, Time: time.Now().UTC(), Trigger: byStart, FileHash: c.FileHash, Digest: c.Digest,
		Diagnostics: ViewDiagnostics(c.Diagnostics), Problems: []api.PlanProblem{},
	}
	if d.File.LastGood {
		r.Result, r.Error = api.ReloadRefused, "the file was not to be taken at the start, the last good one runs"
	}
	return r
}

// trial is a reload that goes back by itself.
type trial struct {
	previous *hclconf.Config
	over     time.Time
}

// tryWindow is how long after a file was taken up it can still be tried. Whoever asks for a trial has put the file there
// a moment before, and the watcher is quicker.
const tryWindow = 10 * time.Minute

// canTry tells whether there is anything that a trial of a file could go back to.
func (d *daemon) canTry(c *hclconf.Config) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return c.FileHash != d.file.FileHash || d.trial != nil || d.before != nil && time.Since(d.since) < tryWindow
}

// tryOrEnd begins the trial that a reload asks for. Any other new file ends the one that is under way.
func (d *daemon) tryOrEnd(req api.ReloadRequest, r *api.Reload) {
	d.endTrial()
	if req.TrySeconds > 0 {
		after := time.Duration(req.TrySeconds * float64(time.Second))
		d.trial = &trial{previous: d.before, over: time.Now().Add(after)}
		d.trialOver.Reset(after)
		over := d.trial.over.UTC()
		r.RevertAt = &over
	}
}

func (d *daemon) endTrial() {
	d.trialOver.Stop()
	d.trial = nil
}

// revert takes a reload on trial back.
func (d *daemon) revert() {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.mu.Lock()
	t, tried := d.trial, d.file.FileHash
	if t == nil || time.Now().Before(t.over) { // it was kept, or begun anew, a moment ago
		d.mu.Unlock()
		return
	}
	d.endTrial()
	d.mu.Unlock()
	d.rejected = tried
	d.Log.Warn("nobody kept the reload, the previous file comes back", "file", d.File.Path)
	c, read := d.File.Load(t.previous.Text())
	if c.Topology == nil { // a secret is gone, which is still known
		c = t.previous
	}
	d.remember(d.apply(c, d.depends(c, read), byRevert, api.ReloadRequest{Accept: plan.AcceptAll}), false)
	d.mu.Lock()
	d.before = nil
	d.mu.Unlock()
	d.watcher.Loaded(c.Text(), d.read)
}

// keepTrial is the answer to reload --keep.
func (d *daemon) keepTrial() api.Reload {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.mu.Lock()
	if d.trial == nil {
		d.mu.Unlock()
		return unread(byCommand, "no reload is on trial")
	}
	d.endTrial()
	d.before = nil
	r := unread(byCommand, "")
	r.Result, r.FileHash, r.Digest = api.ReloadApplied, d.file.FileHash, d.file.Digest
	if len(d.pending) > 0 {
		r.Result = api.ReloadPending
	}
	d.mu.Unlock()
	d.keepLastGood()
	d.Log.Info("the reload is kept", "digest", short(r.Digest))
	return d.remember(r, false)
}

// maxFile is more than any file that a node depends on has: it is what hclconf takes, and a byte.
const maxFile = 16<<20 + 1

// readFile reads a regular file that is not empty. It neither blocks nor goes on for ever, whatever lies there.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("%s is empty", name)
	}
	return text, err
}

// readSettled reads a file until two reads agree, so that one which is being written is not taken for what it is not yet.
func readSettled(ctx context.Context, name string) ([]byte, error) {
	const tries, between = 20, 50 * time.Millisecond
	last, err := readFile(name)
	for range tries {
		if !pause(ctx, between) {
			return nil, ctx.Err()
		}
		text, again := readFile(name)
		if again != nil && err != nil {
			return nil, again
		}
		if again == nil && err == nil && bytes.Equal(text, last) {
			return text, nil
		}
		last, err = text, again
	}
	return nil, fmt.Errorf("%s is still being written", name)
}

// changes names what a plan changes for a node, for the log.
func changes(p *plan.Plan, node string) string {
	var names []string
	for _, c := range p.Node(node).Changes {
		names = append(names, c.Attribute)
	}
	for _, a := range p.Assets {
		names = append(names, fmt.Sprintf("%s %q", a.Kind, a.Name))
	}
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	return strings.Join(names, ", ")
}

func short(digest string) string { return digest[:min(8, len(digest))] }
