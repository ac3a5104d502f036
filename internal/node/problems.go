package node

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
)

// The severities of a problem. What is only for information is no reason to look.
const (
	severityInfo    = "info"
	severityWarning = "warning"
	severityError   = "error"
)

// judging is one look for what is wrong.
type judging struct {
	sight
	v      *api.Status
	silent []string // the nodes that are down
	bad    bool     // an asset is not as declared
}

// judge finds the problems and the verdict.
func (s sight) judge(v *api.Status) {
	j := judging{sight: s, v: v}
	for _, n := range v.Nodes {
		if n.State == api.StateDown {
			j.silent = append(j.silent, n.Name)
		}
	}
	j.quorum()
	j.sites()
	for _, n := range v.Nodes {
		j.node(n)
	}
	j.drift()
	j.links()
	j.assets("bucket", v.Buckets)
	j.assets("stream", v.Streams)
	j.assets("object_store", v.ObjectStores)
	j.declared()
	j.verdict()
}

func (j *judging) problem(code hclconf.Code, severity, subject, hint, format string, args ...any) {
	j.v.Problems = append(j.v.Problems, api.Problem{
		Code: string(code), Severity: severity, Subject: subject, Summary: fmt.Sprintf(format, args...), Hint: hint,
	})
}

func (j *judging) subject() string { return "cluster." + j.v.Cluster }

// lost tells whether too few voters are heard for JetStream to work on this side.
func (j *judging) lost() bool {
	voters := len(j.topology.Voters())
	return j.serving && voters > 0 && j.v.Meta.Current < max(voters/2+1, j.v.Meta.Quorum)
}

// quorum looks at what all depends on.
func (j *judging) quorum() {
	m := j.v.Meta
	voters := len(j.topology.Voters())
	switch {
	case j.lost() && len(j.silent) > 0 && len(j.silent) == len(j.v.Nodes)-1:
		j.problem(hclconf.CodeCutOff, severityError, "node."+j.sight.node, "on "+j.sight.node+": unibus doctor",
			"%s hears none of the other nodes (%s): it is cut off, or they are all down; what they do cannot be seen from here", j.sight.node, strings.Join(j.silent, ", "))
	case j.lost():
		j.problem(hclconf.CodeNoMajority, severityError, j.subject(), "start unibus on "+strings.Join(j.silent, ", "),
			"%s sees %d of %d voters, and JetStream needs %d; what the others do cannot be seen from here", j.sight.node, m.Current, voters, max(voters/2+1, m.Quorum))
	case m.Leader == nil && j.serving && voters > 0:
		j.problem(hclconf.CodeNoMetaLeader, severityWarning, j.subject(), "unibus wait --for meta-leader --timeout 30s",
			"the meta group has no leader; nothing can be created or changed until the next election")
	}
	if extra := m.Peers - voters; extra > 0 && m.Leader != nil {
		j.problem(hclconf.CodeGone, severityWarning, j.subject(), "unibus node ls, then unibus node remove NODE", "the meta group still counts %d nodes that are gone from the file", extra)
	}
}

// sites names the other clusters of which nobody is heard, and what that leaves. A node that hears nobody has said so.
func (j *judging) sites() {
	if len(j.silent) == len(j.v.Nodes)-1 {
		return
	}
	m := j.v.Meta
	left := fmt.Sprintf("JetStream works here, and %d more may be lost", m.Current-m.Quorum)
	if j.lost() {
		left = "JetStream does not work here"
	}
	for _, c := range j.topology.Clusters {
		if slices.ContainsFunc(c.Nodes, func(n *schema.Node) bool { return !slices.Contains(j.silent, n.Name) }) {
			continue
		}
		var names []string
		for _, n := range c.Nodes {
			names = append(names, n.Name)
		}
		j.problem(hclconf.CodeSite, severityWarning, "cluster."+c.Name, "look at the network between the sites; on "+names[0]+": unibus doctor",
			"nobody of cluster %s answers (%s): %d of %d voters are up, %d are needed, and %s", c.Name, strings.Join(names, ", "),
			m.Current, len(j.topology.Voters()), m.Quorum, left)
	}
}

// node looks at one node.
func (j *judging) node(n api.Node) {
	subject := "node." + n.Name
	on := func(command string) string { return "on " + n.Name + ": " + command }
	if n.State == api.StateDown {
		j.down(n)
	}
	if n.File != nil {
		for _, f := range n.File.Troubles {
			j.problem(hclconf.CodeFileTrouble, severityWarning, subject, on("ls -l "+f.Name), "on %s, %s is %s since %s; what was loaded goes on",
				n.Name, f.Name, f.Why, f.Since.Format(time.RFC3339))
		}
	}
	if n.Reload != nil && n.Reload.Result == api.ReloadRefused {
		j.problem(hclconf.CodeRefused, severityWarning, subject, on("unibus reload --dry-run"), "%s runs its last good file: %s", n.Name, refusal(n.Reload))
	}
	switch {
	case n.RestartError != nil:
		j.problem(hclconf.CodePending, severityWarning, subject, on("unibus reload"), "%s could not restart: %s", n.Name, *n.RestartError)
	case len(n.PendingRestart) > 0:
		why := ""
		if n.Waiting != nil {
			why = ": " + *n.Waiting
		}
		j.problem(hclconf.CodePending, severityInfo, subject, "", "%s waits to restart%s", n.Name, why)
	}
	if n.JetStream != nil && !*n.JetStream && n.State == api.StateUp && j.phase() != bootstrap.Waiting {
		j.problem(hclconf.CodeNoJetStream, severityWarning, subject, on("make room where df -h says so, then systemctl restart unibus"),
			"JetStream is off on %s, as nats-server does when it cannot write; its replicas are not kept up", n.Name)
	}
	j.certificate(n)
	j.disk(n)
}

func (j *judging) phase() bootstrap.Phase { return j.sight.assets.Phase }

// starting tells that the declared assets have not been ready yet, and that it is not time to worry.
func (j *judging) starting() bool {
	return j.phase() != bootstrap.Degraded && j.phase() != bootstrap.Ready
}

func (j *judging) down(n api.Node) {
	since := "since this node started"
	if n.LastSeen != nil {
		since = "since " + n.LastSeen.Format("15:04:05Z")
	}
	j.problem(hclconf.CodeNodeDown, severityWarning, "node."+n.Name, "on "+n.Name+": unibus doctor",
		"%s does not answer %s (%s)", n.Name, since, *n.Reason)
}

func (j *judging) certificate(n api.Node) {
	if n.CertNotAfter == nil {
		return
	}
	left := n.CertNotAfter.Sub(j.now)
	hint := "on " + n.Name + ": unibus doctor"
	switch {
	case left <= 0:
		j.problem(hclconf.CodeCertificate, severityError, "node."+n.Name, hint, "the certificate of %s expired on %s: a route that breaks does not come back", n.Name, stamp(*n.CertNotAfter))
	case n.CertSoon:
		j.problem(hclconf.CodeCertificate, severityWarning, "node."+n.Name, hint, "the certificate of %s expires in %s, on %s", n.Name, days(left), stamp(*n.CertNotAfter))
	}
}

// nearly is the part of a disk that is better free, and plenty is how much is enough on a large one.
const (
	nearly = 10 // percent
	plenty = 10 << 30
)

func (j *judging) disk(n api.Node) {
	if n.Disk.TotalBytes == nil || *n.Disk.TotalBytes == 0 {
		return
	}
	total := *n.Disk.TotalBytes
	free := total - min(total, *n.Disk.UsedBytes)
	if free*100 < total*nearly && free < plenty {
		j.problem(hclconf.CodeDisk, severityWarning, "node."+n.Name, "on "+n.Name+": df -h "+j.storeOf(n.Name),
			"the disk of %s is %d%% full, %d MiB are free; JetStream stops there when it is full", n.Name, 100-free*100/total, free>>20)
	}
}

func (j *judging) storeOf(name string) string {
	_, n := j.topology.Node(name)
	return filepath.Join(n.JetStream.StoreDir, n.Name)
}

// linkWait is for how long a route must be missing: one end may just have died.
const linkWait = 3 * time.Second

// drift names the nodes with another configuration.
func (j *judging) drift() {
	for _, name := range j.v.Config.Drifted {
		i := slices.IndexFunc(j.v.Nodes, func(n api.Node) bool { return n.Name == name })
		j.problem(hclconf.CodeDrift, severityWarning, "node."+name, "on "+name+": unibus doctor",
			"%s has the configuration %s, most have %s", name, short(*j.v.Nodes[i].ConfigDigest), short(j.v.Config.Digest))
	}
}

// links names the routes and gateways that are missing between nodes that are up.
func (j *judging) links() {
	up := map[string]bool{}
	for _, n := range j.v.Nodes {
		up[n.Name] = n.State == api.StateUp
	}
	for _, pair := range slices.SortedFunc(maps.Keys(j.unlinked), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if j.now.Sub(j.unlinked[pair]) >= linkWait && up[pair[0]] && up[pair[1]] {
			j.problem(hclconf.CodeLink, severityWarning, "node."+pair[0], "on "+pair[0]+": unibus doctor", "there is no route between %s and %s", pair[0], pair[1])
		}
	}
	for _, g := range j.v.Gateways {
		alive := 0
		for _, n := range j.v.Nodes {
			if n.Cluster == g.From && up[n.Name] {
				alive++
			}
		}
		if g.Up < alive && j.aliveIn(g.To, up) {
			j.problem(hclconf.CodeLink, severityWarning, "cluster."+g.From, "unibus status -o wide", "%d of %d nodes of cluster %s have a gateway to %s", g.Up, g.Expected, g.From, g.To)
		}
	}
}

func (j *judging) aliveIn(cluster string, up map[string]bool) bool {
	return slices.ContainsFunc(j.v.Nodes, func(n api.Node) bool { return n.Cluster == cluster && up[n.Name] })
}

// assets names the assets of a kind that are not as declared; those with the same cause are one problem.
func (j *judging) assets(kind string, all []api.Asset) {
	type cause struct{ why, replicas, state string }
	var order []cause
	names := map[cause][]string{}
	for _, a := range all {
		if a.State == string(bootstrap.AssetCurrent) && a.Reason == nil {
			continue
		}
		j.bad = true
		c := cause{replicas: fmt.Sprintf("%d of %d", a.Replicas.Current, a.Replicas.Desired), state: a.State}
		if a.Reason != nil {
			c.why = ": " + *a.Reason
		}
		if names[c] == nil {
			order = append(order, c)
		}
		names[c] = append(names[c], a.Name)
	}
	for _, c := range order {
		severity := severityWarning
		if c.state != string(bootstrap.AssetDegraded) && j.starting() {
			severity = severityInfo // on its way
		}
		first := names[c][0]
		j.problem(hclconf.CodeAsset, severity, kind+"."+first, "unibus status "+first,
			"%s: %s with %s replicas current%s", listed(kind, names[c]), c.state, c.replicas, c.why)
	}
}

// listed are names, as many as fit into a line.
func listed(kind string, names []string) string {
	word := strings.ReplaceAll(kind, "_", " ")
	switch len(names) {
	case 1:
		return fmt.Sprintf("%s %q", word, names[0])
	case 2, 3:
		return fmt.Sprintf("%ss %s", word, strings.Join(names, ", "))
	}
	return fmt.Sprintf("%ss %s and %d more", word, strings.Join(names[:2], ", "), len(names)-2)
}

// declared names what bootstrap alone knows: differences that it does not put right, consumers, and a cluster that has
// not formed.
func (j *judging) declared() {
	fine := true
	for _, a := range j.sight.assets.Assets {
		differs := len(a.Problems) > 0
		consumer := a.Kind == "consumer" && (a.State != bootstrap.AssetCurrent || a.Err != "")
		fine = fine && a.State == bootstrap.AssetCurrent && a.Err == "" && !differs
		if !differs && !consumer {
			continue
		}
		j.bad = true
		why := a.Err
		if differs {
			why = cmp.Or(why, fmt.Sprintf("it differs from the file in %s", a.Problems[0]))
		}
		j.problem(hclconf.CodeDeclared, severityWarning, a.Kind+"."+a.Name, "unibus plan", "%s is %s: %s", a, a.State, cmp.Or(why, "not as declared"))
	}
	for _, g := range j.sight.assets.Gone {
		j.problem(hclconf.CodeUndeclared, severityInfo, g.Kind+"."+g.Name, "unibus explain "+string(hclconf.CodeUndeclared),
			"%s of account %s is not in the file any more; it and its data stay", g, g.Account)
	}
	if fine && j.phase() != bootstrap.Ready && j.sight.assets.Reason != "" && !j.lost() {
		j.bad = true
		j.problem(hclconf.CodeDeclared, severityWarning, j.subject(), "unibus wait --for converged", "%s", j.sight.assets.Reason)
	}
}

// verdict sums it up. A warning that does not keep anything from working, such as a certificate that ends soon, does not
// make a cluster degraded.
func (j *judging) verdict() {
	state := func(states ...string) bool {
		return slices.ContainsFunc(j.v.Nodes, func(n api.Node) bool { return slices.Contains(states, n.State) })
	}
	waiting := j.phase() == bootstrap.Waiting
	switch {
	case j.lost():
		j.v.Verdict = api.Down
	case state(api.StateDown, api.StateRestarting), j.bad && !j.starting():
		j.v.Verdict = api.Degraded
	case j.bad, waiting, state(api.StateUnknown), j.v.Meta.Leader == nil && len(j.topology.Voters()) > 0:
		j.v.Verdict = api.Converging
	default:
		j.v.Verdict = api.Healthy
	}
}

// refusal is why a reload was refused, in one line.
func refusal(r *api.Reload) string {
	switch {
	case r.Error != "":
		return r.Error
	case len(r.Problems) > 0:
		return r.Problems[0].Summary
	}
	for _, d := range r.Diagnostics {
		if d.Severity == "error" {
			return fmt.Sprintf("%s:%d: %s", d.Range.Filename, d.Range.Start.Line, d.Detail)
		}
	}
	return r.Result
}
