package node

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/server"
)

const (
	// membersSubject is where every node of the system account says what it knows of the meta group, and what it holds.
	membersSubject = "unibus.members"
	// ordersSubject is where one node does something about itself; its server.PeerID follows.
	ordersSubject = "unibus.node."
	// handOverWait is how long the election of another leader of the meta group is waited for.
	handOverWait = 5 * time.Second
	// orderWait is how long it may take for that. Handing over leaderships takes up to 5 s, twice.
	orderWait = 15 * time.Second
)

// testimony is what one node says.
type testimony struct {
	Node    string
	Drained bool
	Meta    server.Meta
	Members []server.Member
	Held    []server.Held
}

// order is what a node is asked to do about itself, and obeyed is its answer.
type (
	order  struct{ Action string }
	obeyed struct {
		Error string
		// Left is how many assets it still leads.
		Left int
	}
)

// belong answers the other nodes about the membership, and keeps a drained node empty, until ctx ends.
func (d *daemon) belong(ctx context.Context, s *server.Server, conns *connections) error {
	nc, err := conns.conn(schema.SystemAccount)
	if err != nil {
		return err
	}
	_, err = nc.Subscribe(membersSubject, func(m *nats.Msg) {
		b, err := pack(d.testify(s))
		if err == nil {
			err = m.Respond(b)
		}
		if err != nil {
			d.Log.Warn("the others are not told what this node holds", "error", err)
		}
	})
	if err != nil {
		return err
	}
	orders := make(chan *nats.Msg, 16)
	if _, err := nc.ChanSubscribe(ordersSubject+server.PeerID(d.Node), orders); err != nil {
		return err
	}
	away := d.evacuation(server.PeerID(d.Node))
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-orders:
			d.obey(ctx, s, away, m)
		case <-look.C:
			d.leave(ctx, s, away)
		}
	}
}

func (d *daemon) testify(s *server.Server) testimony {
	held, err := s.Held()
	if err != nil {
		d.Log.Warn("what this node holds is not known", "error", err)
	}
	return testimony{Node: d.Node, Drained: d.isDrained(), Meta: s.Meta(), Members: s.Members(), Held: held}
}

// pack makes a testimony small: a message takes 1 MiB, and 10,000 assets are as much without it.
func pack(a testimony) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(a); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpack(b []byte) (a testimony, err error) {
	const most = 64 << 20
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return a, err
	}
	return a, json.NewDecoder(io.LimitReader(z, most)).Decode(&a)
}

// obey does what this node is asked to do about itself.
func (d *daemon) obey(ctx context.Context, s *server.Server, away *evacuation, m *nats.Msg) {
	var o order
	var done obeyed
	err := json.Unmarshal(m.Data, &o)
	switch {
	case err != nil, o.Action == "": // the asker wants to know that this node is there
	case o.Action == api.NodeStepDown:
		done.Left, err = d.stepDown(ctx, s)
	case o.Action == api.NodeDrain:
		if err = d.setDrained(ctx, true); err == nil {
			done.Left, err = d.stepDown(ctx, s)
		}
		d.leave(ctx, s, away)
	case o.Action == api.NodeUndrain:
		err = d.setDrained(ctx, false)
	default:
		err = fmt.Errorf("%s does not know %q; it has another version of unibus", d.Node, o.Action)
	}
	if err != nil {
		done.Error = err.Error()
	}
	if b, err := json.Marshal(done); err == nil {
		_ = m.Respond(b) // the asker waits no longer
	}
}

// stepDown gives every leadership away, that of the meta group last, and says how many stay.
func (d *daemon) stepDown(ctx context.Context, s *server.Server) (left int, err error) {
	left = s.HandOver(ctx)
	if !s.Meta().IsLeader {
		return left, nil
	}
	if err := d.stepDownMeta(ctx); err != nil {
		return left, err
	}
	for end := time.Now().Add(handOverWait); s.Meta().Leader == "" && time.Now().Before(end); {
		pause(ctx, 10*time.Millisecond)
	}
	return left, nil
}

// stepDownMeta gives the leadership of the meta group to another node.
func (d *daemon) stepDownMeta(ctx context.Context) error {
	return d.request(ctx, schema.SystemAccount, "$JS.API.META.LEADER.STEPDOWN", nil)
}

// order asks a node to do something about itself. The error is errSilent where nobody of that name answers.
func (d *daemon) order(ctx context.Context, node, action string) (obeyed, error) {
	var done obeyed
	nc, err := d.systemConn()
	if err != nil {
		return done, err
	}
	b, err := json.Marshal(order{action})
	if err != nil {
		return done, err
	}
	ctx, cancel := context.WithTimeout(ctx, orderWait)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, ordersSubject+server.PeerID(node), b)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return done, errSilent
	case err != nil:
		return done, fmt.Errorf("node %s does not answer: %w", node, err)
	}
	if err := json.Unmarshal(m.Data, &done); err != nil {
		return done, err
	}
	if done.Error != "" {
		return done, errors.New(done.Error)
	}
	return done, nil
}

// errSilent is that nobody has the name of a node.
var errSilent = errors.New("does not answer")

func (d *daemon) systemConn() (*nats.Conn, error) {
	_, conns := d.current()
	if conns == nil {
		return nil, errNoServer
	}
	return conns.conn(schema.SystemAccount)
}

// apiError is that nats-server has refused a request.
type apiError struct {
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.Code) }

// request asks the JetStream API of an account, which answers within 5 s or not at all.
func (d *daemon) request(ctx context.Context, account, subject string, body any) error {
	_, conns := d.current()
	if conns == nil {
		return errNoServer
	}
	nc, err := conns.conn(account)
	if err != nil {
		return err
	}
	var b []byte
	if body != nil {
		if b, err = json.Marshal(body); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, b)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("nobody has answered %s in time; the leader of the meta group does, when there is one", subject)
	case err != nil:
		return fmt.Errorf("%s: %w", subject, err)
	}
	var answer struct{ Error *apiError }
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return answer.Error
	}
	return nil
}

// survey is what all nodes that answer say together.
type survey struct {
	t       *schema.Topology
	answers map[string]testimony
	meta    server.Meta
	members []server.Member
	held    []server.Held
	names   map[string]string // of the nodes, by ID
}

// survey asks every node.
func (d *daemon) survey(ctx context.Context) (*survey, error) {
	t, srv := d.runs()
	if srv == nil {
		return nil, errNoServer
	}
	v := &survey{t: t, answers: map[string]testimony{d.Node: d.testify(srv)}, names: map[string]string{}}
	if err := d.hear(ctx, v); err != nil {
		return nil, err
	}
	for _, n := range t.Nodes() {
		v.names[server.PeerID(n.Name)] = n.Name
	}
	best := d.Node
	for name, a := range v.answers {
		if a.Meta.IsLeader || !v.answers[best].Meta.IsLeader && a.Meta.Size > v.answers[best].Meta.Size {
			best = name
		}
		v.names[server.PeerID(name)] = name
		for _, m := range a.Members {
			if m.Name != "" {
				v.names[m.ID] = m.Name
			}
		}
	}
	v.meta, v.members = v.answers[best].Meta, v.answers[best].Members
	v.merge()
	return v, nil
}

// hear waits for the testimonies of all declared nodes, for a second.
func (d *daemon) hear(ctx context.Context, v *survey) error {
	nc, err := d.systemConn()
	if err != nil {
		return err
	}
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.PublishRequest(membersSubject, inbox, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reportWait)
	defer cancel()
	for slices.ContainsFunc(v.t.Nodes(), func(n *schema.Node) bool { return !v.has(n.Name) }) {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil // the rest does not answer
		}
		if a, err := unpack(m.Data); err == nil && a.Node != "" && a.Node != d.Node {
			v.answers[a.Node] = a
		}
	}
	return nil
}

func (v *survey) has(node string) bool { _, ok := v.answers[node]; return ok }

// merge makes one list of what everybody holds. Of an asset that several nodes know, the leader knows best.
func (v *survey) merge() {
	type key struct{ account, stream, consumer string }
	all := map[key]server.Held{}
	for name, a := range v.answers {
		for _, h := range a.Held {
			k := key{h.Account, h.Stream, h.Consumer}
			was, known := all[k]
			switch {
			case known && was.Leader == "" && h.Leader == "":
				h.Peers = append(slices.Clone(h.Peers), was.Peers...)
				slices.Sort(h.Peers)
				h.Peers = slices.Compact(h.Peers)
			case known && h.Leader != name:
				continue
			}
			all[k] = h
		}
	}
	for _, h := range all {
		v.held = append(v.held, h)
	}
	slices.SortFunc(v.held, func(a, b server.Held) int {
		return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Stream, b.Stream), strings.Compare(a.Consumer, b.Consumer))
	})
}

// listing is what lists a node.
func (v *survey) listing(id string) []server.Held {
	var all []server.Held
	for _, h := range v.held {
		if slices.Contains(h.Peers, id) {
			all = append(all, h)
		}
	}
	return all
}

func (v *survey) isMember(id string) bool {
	return slices.ContainsFunc(v.members, func(m server.Member) bool { return m.ID == id })
}

// name is the name of a node, or its ID where nobody knows it.
func (v *survey) name(id string) string { return cmp.Or(v.names[id], id) }

// id is the ID of a node, which may be given by its name or by its ID. It is "" where no such node is in the file or in
// the meta group.
func (v *survey) id(node string) string {
	id := server.PeerID(node)
	if _, n := v.t.Node(node); n != nil || v.isMember(id) || len(v.listing(id)) > 0 {
		return id
	}
	if v.isMember(node) {
		return node
	}
	return ""
}

// nodes is the survey as the outside sees it.
func (d *daemon) nodes(ctx context.Context) (api.Nodes, error) {
	v, err := d.survey(ctx)
	if err != nil {
		return api.Nodes{}, err
	}
	out := api.Nodes{
		FormatVersion: api.FormatVersion, Cluster: v.t.Title(), Time: time.Now().UTC(), Lost: []string{}, Nodes: []api.Member{},
		Meta: api.Meta{Leader: orNil(v.meta.Leader), Peers: v.meta.Size, Quorum: v.meta.Quorum},
	}
	var ids []string
	for _, n := range v.t.Nodes() {
		ids = append(ids, server.PeerID(n.Name))
	}
	for _, m := range v.members {
		if !slices.Contains(ids, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	for _, id := range ids {
		m := v.member(id)
		if m.Member && m.Answers {
			out.Meta.Current++
		}
		out.Nodes = append(out.Nodes, m)
	}
	out.Lost = append(out.Lost, d.lost(ctx, v)...)
	return out, nil
}

func (v *survey) member(id string) api.Member {
	name := v.name(id)
	_, n := v.t.Node(name)
	a, answers := v.answers[name]
	m := api.Member{Name: name, ID: id, Declared: n != nil, Member: v.isMember(id), Answers: answers, Drained: a.Drained}
	for _, h := range v.listing(id) {
		m.Assets++
		if h.Leader == name {
			m.Leads++
		}
		if h.Moving {
			m.Moving++
		}
	}
	return m
}

// lost are the streams of which no node that answers has a replica, as far as the meta leader can be asked.
func (d *daemon) lost(ctx context.Context, v *survey) []string {
	_, conns := d.current()
	if conns == nil || v.meta.Leader == "" || v.t.Standalone() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var all []string
	for _, account := range accounts(v.t) {
		js, err := conns.jetStream(account)
		if err != nil {
			continue
		}
		list := js.StreamNames(ctx)
		for name := range list.Name() {
			if !slices.ContainsFunc(v.held, func(h server.Held) bool { return h.Account == account && h.Stream == name }) {
				all = append(all, assetName(account, name, ""))
			}
		}
	}
	return all
}

// accounts are the accounts that can have streams.
func accounts(t *schema.Topology) []string {
	all := []string{schema.DefaultAccount, schema.OwnAccount}
	for _, a := range t.Accounts {
		if a.Name != schema.SystemAccount && !slices.Contains(all, a.Name) {
			all = append(all, a.Name)
		}
	}
	return all
}

// assetName is what an operator calls an asset.
func assetName(account, stream, consumer string) string {
	name := "stream " + stream
	if bucket, ok := strings.CutPrefix(stream, "KV_"); ok {
		name = "bucket " + bucket
	} else if store, ok := strings.CutPrefix(stream, "OBJ_"); ok {
		name = "object store " + store
	}
	if consumer != "" {
		name = fmt.Sprintf("consumer %s of %s", consumer, name)
	}
	if account != schema.DefaultAccount {
		name += " of account " + account
	}
	return name
}
