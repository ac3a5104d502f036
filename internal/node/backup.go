package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/config/schema"
	"unibus/internal/api"
)

const (
	// askStored is how long one asset may take to say what it holds, and snapshotStart how long nats-server may take to
	// check every message of one before the first byte.
	askStored     = 5 * time.Second
	snapshotStart = 10 * time.Minute
	// chunkWait is how long the next part may take; nats-server v2.15.2 gives up a restore after 5 s of silence, and a
	// snapshot after 30 s.
	chunkWait = 30 * time.Second
	// chunkSize is what is sent at once, under the default max_payload of 1 MiB.
	chunkSize = 512 << 10
	// restoredWait is how long a restored stream may take to have a leader that tells what it holds.
	restoredWait = time.Minute
)

// storedAssets are the assets with data of their own that a topology declares.
func storedAssets(t *schema.Topology) []api.Stored {
	all := []api.Stored{}
	for _, a := range t.Accounts {
		add := func(kind, name, prefix, why string) {
			all = append(all, api.Stored{Kind: kind, Account: a.Name, Name: name, Stream: prefix + name, Excluded: why})
		}
		for _, b := range a.Buckets {
			add("bucket", b.Name, "KV_", excluded(b.Mirror != nil))
		}
		for _, o := range a.ObjectStores {
			add("object_store", o.Name, "OBJ_", "")
		}
		for _, s := range a.Streams {
			add("stream", s.Name, "", excluded(s.Mirror != nil))
		}
	}
	return all
}

func excluded(mirror bool) string {
	if mirror {
		return "it is a mirror, which fills itself"
	}
	return ""
}

// stored says what every declared asset holds.
func (d *daemon) stored(ctx context.Context) ([]api.Stored, error) {
	t, conns := d.forBackup()
	if conns == nil {
		return nil, errNoServer
	}
	all := storedAssets(t)
	for i := range all {
		nc, err := conns.conn(all[i].Account)
		if err != nil {
			return nil, err
		}
		if _, err := look(ctx, nc, &all[i]); err != nil {
			return nil, fmt.Errorf("%s %s of account %s: %w", all[i].Kind, all[i].Name, all[i].Account, err)
		}
	}
	return all, nil
}

func (d *daemon) forBackup() (*schema.Topology, *connections) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running, d.conns
}

// storedAs is one declared asset by its stream, and a connection to its account.
func (d *daemon) storedAs(account, stream string) (api.Stored, *nats.Conn, error) {
	t, conns := d.forBackup()
	if conns == nil {
		return api.Stored{}, nil, errNoServer
	}
	for _, s := range storedAssets(t) {
		if s.Account == account && s.Stream == stream {
			nc, err := conns.conn(account)
			return s, nc, err
		}
	}
	return api.Stored{}, nil, fmt.Errorf("the file declares no stream %s in account %s", stream, account)
}

// look asks a stream what it is and what it holds.
func look(ctx context.Context, nc *nats.Conn, s *api.Stored) (config json.RawMessage, err error) {
	var info struct {
		Config json.RawMessage `json:"config"`
		State  struct {
			Messages uint64 `json:"messages"`
			Bytes    uint64 `json:"bytes"`
			LastSeq  uint64 `json:"last_seq"`
		} `json:"state"`
	}
	if err := askJetStream(ctx, nc, "$JS.API.STREAM.INFO."+s.Stream, nil, askStored, &info); err != nil {
		return nil, err
	}
	s.Messages, s.Bytes, s.LastSeq = info.State.Messages, info.State.Bytes, info.State.LastSeq
	var c struct {
		Storage string `json:"storage"`
	}
	if json.Unmarshal(info.Config, &c) == nil && c.Storage == "memory" {
		s.Excluded = "it is kept in memory, of which nats-server makes no snapshot"
	}
	return info.Config, nil
}

// askJetStream is a request of the JetStream API.
func askJetStream(ctx context.Context, nc *nats.Conn, subject string, req any, limit time.Duration, into any) error {
	var body []byte
	if req != nil {
		var err error
		if body, err = json.Marshal(req); err != nil {
			return err
		}
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	m, err := nc.RequestWithContext(wait, subject, body)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("it has no leader that answers: unibus status")
	case err != nil:
		return err
	}
	return answered(m.Data, into)
}

// answered reads an answer of the JetStream API.
func answered(text []byte, into any) error {
	var failed struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(text, &failed); err != nil {
		return err
	}
	if failed.Error != nil {
		return errors.New("nats-server: " + failed.Error.Description)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// snapshot writes the data of a stream as its leader sends it. nats-server checks every message first.
func (d *daemon) snapshot(ctx context.Context, account, stream string, w io.Writer, begin func(api.Head) error) error {
	s, nc, err := d.storedAs(account, stream)
	if err != nil {
		return err
	}
	if _, err := look(ctx, nc, &s); err != nil {
		return err
	}
	if s.Excluded != "" {
		return errors.New(s.Excluded)
	}
	inbox := nats.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := sub.SetPendingLimits(-1, -1); err != nil { // nats-server sends 8 MiB ahead at most
		return err
	}
	var head api.Head
	req := map[string]any{"deliver_subject": inbox, "jsck": true}
	if err := askJetStream(ctx, nc, "$JS.API.STREAM.SNAPSHOT."+stream, req, snapshotStart, &head); err != nil {
		return err
	}
	if err := begin(head); err != nil {
		return err
	}
	return receive(ctx, sub, w)
}

// receive writes the parts of a snapshot. The last one is empty; with a status it says what went wrong.
func receive(ctx context.Context, sub *nats.Subscription, w io.Writer) error {
	for {
		wait, cancel := context.WithTimeout(ctx, chunkWait)
		m, err := sub.NextMsgWithContext(wait)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("the leader has sent nothing for %v", chunkWait)
		case err != nil:
			return err
		case len(m.Data) == 0:
			if status := m.Header.Get("Status"); status != "" && status != "204" {
				return fmt.Errorf("nats-server: %s %s", status, m.Header.Get("Description"))
			}
			return nil
		}
		if _, err := w.Write(m.Data); err != nil {
			return err
		}
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				return err
			}
		}
	}
}

// restore makes a declared stream anew from a snapshot. The stream has to be there, which says how it is to be, and may
// never have held anything: nats-server restores only what does not exist, so it is deleted first, and nothing can get
// lost with it.
func (d *daemon) restore(ctx context.Context, account, stream string, head api.Head, data io.Reader) (api.Stored, error) {
	s, nc, err := d.storedAs(account, stream)
	if err != nil {
		return s, err
	}
	config, err := look(ctx, nc, &s)
	switch {
	case err != nil:
		return s, err
	case s.Excluded != "":
		return s, errors.New(s.Excluded)
	case s.LastSeq > 0:
		return s, fmt.Errorf("it has held %s already, and is not overwritten", plural(int(s.LastSeq), "message"))
	}
	subject, err := startRestore(ctx, nc, stream, config, head.State)
	if err != nil {
		return s, err
	}
	if err := send(ctx, nc, subject, data); err != nil {
		return s, err
	}
	d.Log.Info("restored", "stream", stream, "account", account)
	return s, d.restored(ctx, nc, &s)
}

// startRestore puts the restore in place of the empty stream. Between the two, whoever keeps the declared assets may
// create it again; then it is still empty.
func startRestore(ctx context.Context, nc *nats.Conn, stream string, config, state json.RawMessage) (subject string, err error) {
	var resp struct {
		Subject string `json:"deliver_subject"`
	}
	for range 5 {
		if err = askJetStream(ctx, nc, "$JS.API.STREAM.DELETE."+stream, nil, askStored, nil); err != nil {
			return "", err
		}
		req := map[string]any{"config": config, "state": state}
		if err = askJetStream(ctx, nc, "$JS.API.STREAM.RESTORE."+stream, req, chunkWait, &resp); err == nil {
			return resp.Subject, nil
		}
		again := api.Stored{Stream: stream}
		if _, seen := look(ctx, nc, &again); seen != nil || again.LastSeq > 0 {
			return "", err
		}
	}
	return "", err
}

// send hands the data to who restores it, part by part; the empty part is the last.
func send(ctx context.Context, nc *nats.Conn, subject string, data io.Reader) error {
	chunk := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(data, chunk)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if n > 0 {
			if err := part(ctx, nc, subject, chunk[:n]); err != nil {
				return err
			}
		}
		if last {
			return part(ctx, nc, subject, nil)
		}
	}
}

func part(ctx context.Context, nc *nats.Conn, subject string, chunk []byte) error {
	wait, cancel := context.WithTimeout(ctx, chunkWait)
	defer cancel()
	if chunk == nil { // what was sent is now taken apart and stored
		wait, cancel = context.WithTimeout(ctx, snapshotStart)
		defer cancel()
	}
	m, err := nc.RequestWithContext(wait, subject, chunk)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("the node that restores it does not answer any more")
	case err != nil:
		return err
	case len(m.Data) > 0:
		return answered(m.Data, nil)
	}
	return nil
}

// restored waits until a stream tells what it holds.
func (d *daemon) restored(ctx context.Context, nc *nats.Conn, s *api.Stored) error {
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	late := time.After(restoredWait)
	for {
		_, err := look(ctx, nc, s)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("it is restored, and then %w", err)
		case <-poll.C:
		}
	}
}
