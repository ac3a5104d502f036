package bootstrap

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Phase is how far all declared assets together are.
type Phase string

// The phases.
const (
	// Waiting means that the cluster has not formed: nothing is created yet.
	Waiting Phase = "waiting"
	// Creating means that assets are being created.
	Creating Phase = "creating"
	// Scaling means that every asset exists and some have not all their replicas yet.
	Scaling Phase = "scaling"
	// Ready means that every asset is as it is declared, with all replicas current.
	Ready Phase = "ready"
	// Degraded means that something is not as it is declared, and the time for the start is up, or it was ready
	// before, or waiting alone will not help. Work goes on all the same.
	Degraded Phase = "degraded"
)

// Status is the state of everything that is declared, as one node sees it.
type Status struct {
	// Phase is how far it is.
	Phase Phase
	// Reason says in one sentence why it is not ready; "" when it is.
	Reason string
	// Missing are the declared nodes to which this one has no route, in the order of the file.
	Missing []string
	// Assets are the declared assets, in the order of the file.
	Assets []Asset
	// Gone are the assets that an earlier file declared and that are still there.
	Gone []Gone
}

// State is how far one asset is.
type State string

// The states of an asset.
const (
	// AssetWaiting means that the asset does not exist, or that it cannot be known yet whether it does.
	AssetWaiting State = "waiting"
	// AssetCreating means that it is being created.
	AssetCreating State = "creating"
	// AssetChanging means that a declared setting differs and is being put right.
	AssetChanging State = "changing"
	// AssetScaling means that it has fewer or more replicas than declared, or that nats-server is moving it.
	AssetScaling State = "scaling"
	// AssetDegraded means that a replica is offline or behind, or that nobody answers for the asset.
	AssetDegraded State = "degraded"
	// AssetCurrent means that it has its replicas, that its leader calls all of them current, and that nats-server has
	// no reconfiguration of it in progress. It does not mean that each replica would say so itself.
	AssetCurrent State = "current"
)

// Asset is the state of one declared asset.
type Asset struct {
	// Kind is the word of the file: "bucket", "object_store", "stream" or "consumer".
	Kind string
	// Account and Name say which one, with the Stream of a consumer.
	Account, Stream, Name string
	// State is how far it is.
	State State
	// Since is when this node saw the state or Err change last.
	Since time.Time
	// Absent means that it was looked for and is not there.
	Absent bool
	// Replicas is on how many nodes it is, Desired on how many it is declared to be.
	Replicas, Desired int
	// Leader is the node that leads it, "" when there is none or it is not known.
	Leader string
	// Peers are the nodes that hold it, sorted by name.
	Peers []Peer
	// Values is how many messages are stored, and Bytes how much they take on each replica. Values of a bucket with
	// history count every revision, those of a consumer what it has not had acknowledged yet.
	Values, Bytes uint64
	// Err says what keeps it from being current, in words for an operator; "" when nothing does.
	Err string
	// Blocked means that waiting alone will not help: a person must do what Err or Problems say.
	Blocked bool
	// Problems are the differences from the file that are not put right, because that would lose data or is not
	// possible.
	Problems []Change
	// At points to the block in the schema, such as *schema.Bucket or *schema.Consumer.
	At any `json:"-"`
}

// Peer is one node that holds an asset.
type Peer struct {
	// Node is the node's name.
	Node string
	// Leader tells whether it leads the asset.
	Leader bool
	// Current tells whether the leader calls it up to date.
	Current bool
	// Offline tells whether the node is known to be away.
	Offline bool
	// Lag is how many operations it is behind.
	Lag uint64
}

func (a Asset) String() string {
	if a.Stream != "" {
		return fmt.Sprintf("%s %q of stream %q", a.Kind, a.Name, a.Stream)
	}
	return fmt.Sprintf("%s %q", strings.ReplaceAll(a.Kind, "_", " "), a.Name)
}

// trouble is why the asset does not count as ready, or "".
func (a Asset) trouble() string {
	var differs []string
	for _, c := range a.Problems {
		differs = append(differs, fmt.Sprintf("%s (%s)", c, c.Class))
	}
	switch {
	case a.Err != "":
		return fmt.Sprintf("%s: %s", a, a.Err)
	case len(differs) > 0:
		return fmt.Sprintf("%s differs from the file: %s", a, strings.Join(differs, ", "))
	case a.State != AssetCurrent:
		return fmt.Sprintf("%s is %s", a, a.State)
	}
	return ""
}

// phase sums up the assets.
func (r *runner) phase(v *view, assets []Asset) (Phase, string) {
	reason := r.reason(v, assets)
	blocked := slices.ContainsFunc(assets, func(a Asset) bool { return a.Blocked })
	absent := slices.ContainsFunc(assets, func(a Asset) bool {
		return a.State == AssetWaiting || a.State == AssetCreating
	})
	switch {
	case reason == "":
		return Ready, ""
	case r.everReady || blocked || time.Since(r.start) > r.budget:
		return Degraded, reason
	case !v.formed:
		return Waiting, reason
	case absent:
		return Creating, reason
	}
	return Scaling, reason
}

func (r *runner) reason(v *view, assets []Asset) string {
	if !v.formed {
		return r.unformed(v)
	}
	var troubles []string
	for _, a := range assets {
		if t := a.trouble(); t != "" {
			troubles = append(troubles, t)
		}
	}
	switch len(troubles) {
	case 0:
		return ""
	case 1:
		return troubles[0]
	}
	return fmt.Sprintf("%s; and %d more", troubles[0], len(troubles)-1)
}

func (r *runner) unformed(v *view) string {
	missing := strings.Join(v.missing, ", ")
	switch {
	case missing != "" && !v.meta.EverHadLeader:
		return fmt.Sprintf("waiting for %s: the first start needs every declared node", missing)
	case v.meta.Leader == "" && missing != "":
		return fmt.Sprintf("JetStream has no leader; no route to %s", missing)
	case v.meta.Leader == "":
		return "JetStream has no leader yet"
	case missing != "":
		return fmt.Sprintf("waiting for %s: JetStream has %d of %d declared members", missing, v.meta.Size, v.voters)
	}
	return fmt.Sprintf("JetStream has %d of %d declared members", v.meta.Size, v.voters)
}
