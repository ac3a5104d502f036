// Package api is how a daemon is asked and answers: the JSON of its unix socket, the server for it, and the client that
// the command line uses. What a cluster looks like is said here once, for every output.
//
// Names are in snake case, durations in _seconds, sizes in _bytes, times in RFC 3339 and UTC; what is not known is null;
// there is never a secret. Arrays are never null.
package api

import "time"

// FormatVersion is the version of every shape here. Fields are added without changing it.
const FormatVersion = "1.0"

// Verdict sums a cluster up in a word.
type Verdict string

// The verdicts.
const (
	// Healthy means that every node is up and every declared asset as declared.
	Healthy Verdict = "healthy"
	// Converging means that it is on the way there.
	Converging Verdict = "converging"
	// Degraded means that it works, and something is missing.
	Degraded Verdict = "degraded"
	// Down means that there is no majority.
	Down Verdict = "down"
)

// Status is one look at a whole cluster.
type Status struct {
	FormatVersion string    `json:"format_version"`
	Cluster       string    `json:"cluster"`
	Time          time.Time `json:"time"`
	// Node is the one that answers; all that is said of others is as it sees them.
	Node    string  `json:"node"`
	Verdict Verdict `json:"verdict"`
	// Settled tells that the verdict has been healthy for two seconds, and that every node agrees about the replicas it
	// holds. Then a node can be spared.
	Settled bool `json:"settled"`
	// FailureTolerance is how many more nodes may be lost before JetStream, or an asset with three replicas or more,
	// stops.
	FailureTolerance int       `json:"failure_tolerance"`
	Config           Config    `json:"config"`
	Meta             Meta      `json:"meta"`
	Nodes            []Node    `json:"nodes"`
	Gateways         []Gateway `json:"gateways"`
	Buckets          []Asset   `json:"buckets"`
	Streams          []Asset   `json:"streams"`
	ObjectStores     []Asset   `json:"object_stores"`
	Problems         []Problem `json:"problems"`
}

// Gateway is the way from one cluster to another. Each node of the first has a connection to the second.
type Gateway struct {
	From     string `json:"from"`
	To       string `json:"to"`
	Up       int    `json:"up"`
	Expected int    `json:"expected"`
}

// Config is the configuration that most nodes have; where no majority has one, that of the answering node.
type Config struct {
	Digest string `json:"digest"`
	// Drifted are the nodes that have another one.
	Drifted []string `json:"drifted"`
}

// Meta is the JetStream meta group.
type Meta struct {
	Leader  *string `json:"leader"`
	Peers   int     `json:"peers"`
	Current int     `json:"current"`
	Quorum  int     `json:"quorum"`
}

// The states of a node.
const (
	StateUp         = "up"
	StateDown       = "down"
	StateRestarting = "restarting"
	// StateUnknown is that of the others while the server of the answering node restarts.
	StateUnknown = "unknown"
)

// Node is one declared node.
type Node struct {
	Name     string     `json:"name"`
	Cluster  string     `json:"cluster"`
	Address  string     `json:"address"`
	State    string     `json:"state"`
	Declared bool       `json:"declared"`
	LastSeen *time.Time `json:"last_seen"`
	// Reason says why it is not up.
	Reason         *string    `json:"reason"`
	ConfigDigest   *string    `json:"config_digest"`
	FileHash       *string    `json:"file_hash"`
	ConfigSince    *time.Time `json:"config_since"`
	PendingRestart []Pending  `json:"pending_restart"`
	// Waiting is what a restart in turn waits for.
	Waiting *string `json:"waiting"`
	// RestartError is why the last restart went back to the configuration before it. Nobody else restarts then.
	RestartError *string `json:"restart_error"`
	// Unsettled is what a stop of another node could harm; null when nothing.
	Unsettled *string `json:"unsettled"`
	// File is what the node knows of its file; null when it follows none.
	File     *File    `json:"file"`
	Reload   *Reload  `json:"reload"`
	Versions Versions `json:"versions"`
	Routes   Routes   `json:"routes"`
	// Gateways are those to the other clusters, by their names.
	Gateways Routes `json:"gateways"`
	// Drained tells that it is to hold nothing: unibus node drain.
	Drained bool `json:"drained"`
	// JetStream tells whether it runs there.
	JetStream *bool `json:"jetstream"`
	// CertNotAfter is the end of the node's certificate; null without TLS.
	CertNotAfter *time.Time `json:"cert_not_after"`
	// CertSoon tells that this end is near, measured by how long the certificate is valid.
	CertSoon      bool   `json:"cert_soon"`
	Disk          Disk   `json:"disk"`
	UptimeSeconds *int64 `json:"uptime_seconds"`
}

// Disk is the file system of a node's store.
type Disk struct {
	UsedBytes  *uint64 `json:"used_bytes"`
	TotalBytes *uint64 `json:"total_bytes"`
}

// File is how a node sees its file.
type File struct {
	Path string `json:"path"`
	// Watch is "events", or "polling" and why.
	Watch string `json:"watch"`
	// Troubles are the file itself and the files it names, as far as they cannot be taken as they are.
	Troubles []Trouble `json:"troubles"`
}

// Trouble is a file that cannot be taken as it is.
type Trouble struct {
	Name  string    `json:"name"`
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
}

// Pending is one change that waits for a restart.
type Pending struct {
	Attribute string `json:"attribute"`
	Old       string `json:"old"`
	New       string `json:"new"`
	// Place is the file and line.
	Place string `json:"place"`
}

// Versions are what a node is made of.
type Versions struct {
	Unibus *string `json:"unibus"`
	NATS   *string `json:"nats"`
}

// Routes are the routes of a node.
type Routes struct {
	Up       int      `json:"up"`
	Expected int      `json:"expected"`
	Missing  []string `json:"missing"`
}

// The states of an asset that has all its replicas.
const (
	// AssetCurrent means that its leader calls all of them current and nothing is under way.
	AssetCurrent = "current"
	// AssetSettled means that every node has agreed for two seconds, so that any one of them can be spared.
	AssetSettled = "settled"
)

// Asset is one declared bucket, stream or object store. Values are its messages.
type Asset struct {
	Name    string `json:"name"`
	Account string `json:"account"`
	// State is waiting, creating, changing, scaling, degraded, current or settled.
	State    string   `json:"state"`
	Replicas Replicas `json:"replicas"`
	Leader   *string  `json:"leader"`
	Peers    []Peer   `json:"peers"`
	Values   *uint64  `json:"values"`
	Bytes    *uint64  `json:"bytes"`
	Reason   *string  `json:"reason"`
}

// Replicas are how many nodes hold an asset.
type Replicas struct {
	Desired int `json:"desired"`
	Actual  int `json:"actual"`
	Current int `json:"current"`
}

// Peer is one node that holds an asset.
type Peer struct {
	Node    string `json:"node"`
	Role    string `json:"role"`
	Current bool   `json:"current"`
	Lag     uint64 `json:"lag"`
}

// Problem is something an operator should know, with what to do about it.
type Problem struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	// Subject is the node or asset it is about, such as node.datardos.
	Subject string `json:"subject"`
	Summary string `json:"summary"`
	Hint    string `json:"hint"`
}

// The results of a reload.
const (
	ReloadUnchanged = "unchanged"
	ReloadApplied   = "applied"
	// ReloadPending means that the live part is applied and the rest waits for a restart.
	ReloadPending = "pending"
	ReloadRefused = "refused"
	ReloadDryRun  = "dry-run"
)

// Reload is what came of looking at the file.
type Reload struct {
	Result string    `json:"result"`
	Time   time.Time `json:"time"`
	// Trigger is what made the node look: start, file, signal, command, certificate or revert.
	Trigger     string       `json:"trigger"`
	FileHash    string       `json:"file_hash"`
	Digest      string       `json:"digest"`
	Diagnostics []Diagnostic `json:"diagnostics"`
	// Problems are the steps that were too big.
	Problems []PlanProblem `json:"problems"`
	// Plan is what the reload did or would do; null where the file has errors or means the same.
	Plan *Plan `json:"plan"`
	// RevertAt is when a reload on trial is taken back unless it is kept.
	RevertAt *time.Time `json:"revert_at"`
	Error    string     `json:"error"`
}

// ReloadRequest asks for a reload.
type ReloadRequest struct {
	DryRun bool `json:"dry_run"`
	// TrySeconds takes the reload back after so many seconds unless it is kept; 0 does not.
	TrySeconds float64 `json:"try_seconds"`
	// Keep keeps a reload that is on trial.
	Keep bool `json:"keep"`
	// Accept are the words of the steps that are meant.
	Accept []string `json:"accept"`
}

// Assets are the live assets of the declared accounts, as blocks of the file.
type Assets struct {
	Accounts []AccountAssets `json:"accounts"`
}

// AccountAssets are those of one account.
type AccountAssets struct {
	Name string `json:"name"`
	// HCL is an account block.
	HCL string `json:"hcl"`
	// Notes are what the blocks do not say.
	Notes []string `json:"notes"`
}

// Diagnostic is one mistake in a file, or one warning about it.
type Diagnostic struct {
	Severity string    `json:"severity"`
	Code     string    `json:"code"`
	Summary  string    `json:"summary"`
	Detail   string    `json:"detail"`
	Hint     string    `json:"hint"`
	Address  string    `json:"address"`
	Range    Range     `json:"range"`
	Related  []Related `json:"related"`
}

// Range is a stretch of a file.
type Range struct {
	Filename string `json:"filename"`
	Start    Pos    `json:"start"`
	End      Pos    `json:"end"`
}

// Pos is a place in a file.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Related is another place that a diagnostic is about.
type Related struct {
	Message string `json:"message"`
	Range   Range  `json:"range"`
}

// Plan is what it takes to get from one file to another.
type Plan struct {
	FormatVersion string `json:"format_version"`
	// Against is what the file is compared with: "file", or "cluster" where the live assets were looked at.
	Against      string     `json:"against"`
	Class        string     `json:"class"`
	Nodes        []PlanItem `json:"nodes"`
	Assets       []PlanItem `json:"assets"`
	RestartOrder []string   `json:"restart_order"`
	// Undeclared are live assets that the file does not have. They are left alone.
	Undeclared []PlanAsset `json:"undeclared"`
	// Risks are what the steps mean for who uses the cluster meanwhile.
	Risks    []string      `json:"risks"`
	Problems []PlanProblem `json:"problems"`
}

// What a file is compared with.
const (
	AgainstFile    = "file"
	AgainstCluster = "cluster"
)

// ClassUnknown is the class of an asset that did not answer.
const ClassUnknown = "unknown"

// PlanItem is what one node or asset has to do.
type PlanItem struct {
	Kind    string `json:"kind"`
	Account string `json:"account,omitempty"`
	// Stream is that of a consumer.
	Stream  string       `json:"stream,omitempty"`
	Name    string       `json:"name"`
	Class   string       `json:"class"`
	Added   bool         `json:"added"`
	Removed bool         `json:"removed"`
	Changes []PlanChange `json:"changes"`
	// CopyBytes is about how much is copied between nodes, and LeaderMoves whether the asset gets another leader. Both are
	// null where the cluster was not asked.
	CopyBytes   *uint64 `json:"copy_bytes"`
	LeaderMoves *bool   `json:"leader_moves"`
}

// PlanAsset names an asset.
type PlanAsset struct {
	Kind    string `json:"kind"`
	Account string `json:"account"`
	Name    string `json:"name"`
}

// PlanRequest asks what a file would do to the running cluster.
type PlanRequest struct {
	// Filename is what places in the file are called.
	Filename string `json:"filename"`
	Text     []byte `json:"text"`
}

// PlanChange is one value that differs.
type PlanChange struct {
	Attribute string `json:"attribute"`
	Class     string `json:"class"`
	Old       string `json:"old"`
	New       string `json:"new"`
	Effect    string `json:"effect"`
	// LosesData tells that the change may delete what is stored.
	LosesData bool   `json:"loses_data"`
	OldRange  *Range `json:"old_range"`
	NewRange  *Range `json:"new_range"`
}

// PlanProblem is a step that is too big to be taken without being asked.
type PlanProblem struct {
	// Nodes refuse it; empty is all of them.
	Nodes   []string `json:"nodes"`
	Accept  string   `json:"accept"`
	Summary string   `json:"summary"`
	Hint    string   `json:"hint"`
	Range   *Range   `json:"range"`
}
