package api

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// metric is one of the metrics, all of which are gauges: its name without the prefix, what it is, and its labels.
type metric struct {
	name, help string
	labels     []string
}

var (
	ofNode  = []string{"cluster", "node"}
	ofAsset = []string{"kind", "account", "name"}

	healthyMetric   = metric{"healthy", "Whether the verdict is healthy, as the answering node sees it.", nil}
	verdictMetric   = metric{"verdict", "1 for the verdict: healthy, converging, degraded or down.", []string{"verdict"}}
	settledMetric   = metric{"settled", "Whether all has been healthy for two seconds and every node agrees about its replicas.", nil}
	toleranceMetric = metric{"failure_tolerance", "How many more nodes may be lost before something stops.", nil}
	problemMetric   = metric{"problems", "How many problems there are of a severity.", []string{"severity"}}
	codeMetric      = metric{"problem", "1 for each problem that there is.", []string{"code", "severity", "subject"}}

	nodeUpMetric     = metric{"node_up", "Whether a declared node is up.", ofNode}
	nodeInfoMetric   = metric{"node_info", "1, with the versions and the configuration of a node.", []string{"cluster", "node", "version", "nats_version", "config_digest"}}
	uptimeMetric     = metric{"node_uptime_seconds", "For how long a node has been running.", ofNode}
	routesMetric     = metric{"node_routes_up", "The routes of a node that are up.", ofNode}
	expectedMetric   = metric{"node_routes_expected", "The routes that a node should have.", ofNode}
	driftMetric      = metric{"node_config_drift", "Whether a node has another configuration than most.", ofNode}
	refusedMetric    = metric{"node_reload_refused", "Whether a node has refused its file and runs the last good one.", ofNode}
	reloadTimeMetric = metric{"node_reload_timestamp_seconds", "When a node looked at its file last.", ofNode}
	pendingMetric    = metric{"node_pending_restart", "How many changes of a node wait for a restart.", ofNode}
	certMetric       = metric{"node_certificate_not_after_seconds", "The end of a node's certificate, in Unix time.", ofNode}
	diskUsedMetric   = metric{"node_disk_used_bytes", "What is used of the file system with a node's store.", ofNode}
	diskTotalMetric  = metric{"node_disk_total_bytes", "The size of the file system with a node's store.", ofNode}
	jetStreamMetric  = metric{"node_jetstream", "Whether JetStream runs on a node.", ofNode}

	gatewayUpMetric       = metric{"gateway_up", "How many nodes of a cluster have a gateway to another.", []string{"from", "to"}}
	gatewayExpectedMetric = metric{"gateway_expected", "How many nodes of a cluster should have one.", []string{"from", "to"}}

	metaLeaderMetric  = metric{"meta_leader", "1 for the node that leads the meta group; none while nobody does.", []string{"node"}}
	metaPeersMetric   = metric{"meta_peers", "The members of the meta group.", nil}
	metaCurrentMetric = metric{"meta_current", "The declared members of the meta group that are up.", nil}
	metaQuorumMetric  = metric{"meta_quorum", "How many members of the meta group must agree.", nil}

	desiredMetric    = metric{"asset_replicas_desired", "The declared replicas of a bucket, stream or object store.", ofAsset}
	actualMetric     = metric{"asset_replicas_actual", "The replicas that there are.", ofAsset}
	currentMetric    = metric{"asset_replicas_current", "The replicas that are up to date.", ofAsset}
	leaderMetric     = metric{"asset_leader", "1 for the node that leads; none while nobody does.", []string{"kind", "account", "name", "node"}}
	lagMetric        = metric{"asset_lag_operations", "How far the last replica is behind.", ofAsset}
	messagesMetric   = metric{"asset_messages", "What is stored.", ofAsset}
	bytesMetric      = metric{"asset_bytes", "What that takes on each replica.", ofAsset}
	asDeclaredMetric = metric{"asset_current", "Whether all is as declared.", ofAsset}
)

// metrics are the metrics of a status in the text format that Prometheus scrapes, version 0.0.4. They are written here
// because client_golang links protobuf, which keeps the linker from leaving out what nobody calls: it takes 7 of 32 MB.
func metrics(s Status) string {
	g := gauges{s, map[string]*strings.Builder{}}
	g.cluster()
	for _, n := range s.Nodes {
		g.node(n)
	}
	for _, v := range s.Gateways {
		g.set(gatewayUpMetric, float64(v.Up), v.From, v.To)
		g.set(gatewayExpectedMetric, float64(v.Expected), v.From, v.To)
	}
	for kind, list := range map[string][]Asset{"bucket": s.Buckets, "stream": s.Streams, "object_store": s.ObjectStores} {
		for _, a := range list {
			g.asset(kind, a)
		}
	}
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(g.families)) {
		all.WriteString(g.families[name].String())
	}
	return all.String()
}

// gauges are the metrics of a status as text, by name: the values of one metric stand together.
type gauges struct {
	s        Status
	families map[string]*strings.Builder
}

// labelText writes a label's value as the format wants it.
var labelText = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func (g gauges) set(m metric, value float64, labels ...string) {
	b := g.families[m.name]
	if b == nil {
		b = new(strings.Builder)
		g.families[m.name] = b
		fmt.Fprintf(b, "# HELP unibus_%s %s\n# TYPE unibus_%s gauge\n", m.name, m.help, m.name)
	}
	fmt.Fprintf(b, "unibus_%s", m.name)
	for i, name := range m.labels {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		fmt.Fprintf(b, `%s%s="%s"`, separator, name, labelText.Replace(labels[i]))
	}
	if len(m.labels) > 0 {
		b.WriteByte('}')
	}
	fmt.Fprintf(b, " %s\n", strconv.FormatFloat(value, 'g', -1, 64))
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (g gauges) cluster() {
	s := g.s
	g.set(healthyMetric, flag(s.Verdict == Healthy))
	for _, v := range []Verdict{Healthy, Converging, Degraded, Down} {
		g.set(verdictMetric, flag(s.Verdict == v), string(v))
	}
	g.set(settledMetric, flag(s.Settled))
	g.set(toleranceMetric, float64(s.FailureTolerance))
	count := map[string]int{"info": 0, "warning": 0, "error": 0}
	seen := map[[2]string]bool{}
	for _, p := range s.Problems {
		count[p.Severity]++
		if key := [2]string{p.Code, p.Subject}; !seen[key] {
			seen[key] = true
			g.set(codeMetric, 1, p.Code, p.Severity, p.Subject)
		}
	}
	for severity, n := range count {
		g.set(problemMetric, float64(n), severity)
	}
	if s.Meta.Leader != nil {
		g.set(metaLeaderMetric, 1, *s.Meta.Leader)
	}
	g.set(metaPeersMetric, float64(s.Meta.Peers))
	g.set(metaCurrentMetric, float64(s.Meta.Current))
	g.set(metaQuorumMetric, float64(s.Meta.Quorum))
}

func (g gauges) node(n Node) {
	set := func(m metric, value float64) { g.set(m, value, n.Cluster, n.Name) }
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	set(nodeUpMetric, flag(n.State == StateUp))
	set(routesMetric, float64(n.Routes.Up))
	set(expectedMetric, float64(n.Routes.Expected))
	if n.State == StateDown || n.State == StateUnknown {
		return
	}
	g.set(nodeInfoMetric, 1, n.Cluster, n.Name, text(n.Versions.Unibus), text(n.Versions.NATS), text(n.ConfigDigest))
	set(driftMetric, flag(slices.Contains(g.s.Config.Drifted, n.Name)))
	set(pendingMetric, float64(len(n.PendingRestart)))
	if n.UptimeSeconds != nil {
		set(uptimeMetric, float64(*n.UptimeSeconds))
	}
	if n.Reload != nil {
		set(refusedMetric, flag(n.Reload.Result == ReloadRefused))
		set(reloadTimeMetric, float64(n.Reload.Time.UnixMilli())/1000)
	}
	if n.CertNotAfter != nil {
		set(certMetric, float64(n.CertNotAfter.Unix()))
	}
	if n.Disk.UsedBytes != nil && n.Disk.TotalBytes != nil {
		set(diskUsedMetric, float64(*n.Disk.UsedBytes))
		set(diskTotalMetric, float64(*n.Disk.TotalBytes))
	}
	if n.JetStream != nil {
		set(jetStreamMetric, flag(*n.JetStream))
	}
}

func (g gauges) asset(kind string, a Asset) {
	set := func(m metric, value float64) { g.set(m, value, kind, a.Account, a.Name) }
	set(desiredMetric, float64(a.Replicas.Desired))
	set(actualMetric, float64(a.Replicas.Actual))
	set(currentMetric, float64(a.Replicas.Current))
	set(asDeclaredMetric, flag((a.State == AssetCurrent || a.State == AssetSettled) && a.Reason == nil))
	if a.Leader != nil {
		g.set(leaderMetric, 1, kind, a.Account, a.Name, *a.Leader)
	}
	lag := uint64(0)
	for _, p := range a.Peers {
		lag = max(lag, p.Lag)
	}
	set(lagMetric, float64(lag))
	if a.Values != nil {
		set(messagesMetric, float64(*a.Values))
	}
	if a.Bytes != nil {
		set(bytesMetric, float64(*a.Bytes))
	}
}
