package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Handler is what a daemon can be asked over its socket.
type Handler struct {
	// Status looks at the whole cluster.
	Status func(context.Context) Status
	// Events are what has happened after the event with a number.
	Events func(after uint64) []Event
	// Reload reads the file again.
	Reload func(context.Context, ReloadRequest) Reload
	// Plan compares a file with the running cluster. It changes nothing.
	Plan func(context.Context, PlanRequest) (Plan, error)
	// Assets are the live assets as blocks of the file.
	Assets func(context.Context) (Assets, error)
	// Nodes looks at who belongs to the cluster.
	Nodes func(context.Context) (Nodes, error)
	// Node carries out an action on a node, or joins it where it is under way, and tells what happens until it is over
	// or ctx ends.
	Node func(context.Context, NodeRequest, func(NodeEvent))
	// Vitals are what only this daemon knows.
	Vitals func(context.Context) Vitals
	// Stored are the declared assets that hold data.
	Stored func(context.Context) ([]Stored, error)
	// Snapshot writes the data of a stream, after begin has been told what it is.
	Snapshot func(ctx context.Context, account, stream string, w io.Writer, begin func(Head) error) error
	// Restore makes a declared stream that has never held anything of a snapshot.
	Restore func(ctx context.Context, account, stream string, head Head, data io.Reader) (Stored, error)
}

// maxSocketPath is what the kernel takes (sockaddr_un, 108 bytes with the NUL).
const maxSocketPath = 107

// maxBody is the largest request that is read, and maxPlan the largest that has a file in it, in base64.
const (
	maxBody = 64 << 10
	maxPlan = 24 << 20
)

// Serve answers on the unix socket until ctx ends, and then returns nil. Whoever may write to the socket may ask: it has
// mode 0660.
func Serve(ctx context.Context, path string, h Handler) error {
	l, err := listen(path)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           h.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", path, err)
	}
	return nil
}

// listen takes the socket over from a daemon that is gone; the lock on the store has told that it is.
func listen(path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the socket path %s has %d bytes, and the kernel takes %d: name a shorter one with --socket", path, len(path), maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	// Not with the umask, which nats-server's own files would get as well.
	return l, os.Chmod(path, 0o660)
}

func (h Handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, r *http.Request) {
		reply(w, h.Status(r.Context()))
	})
	mux.HandleFunc("GET /api/v1/vitals", h.vitals)
	mux.HandleFunc("GET /api/v1/history", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // all, else
		reply(w, h.Events(after))
	})
	mux.HandleFunc("POST /api/v1/reload", func(w http.ResponseWriter, r *http.Request) {
		var req ReloadRequest
		if accept(w, r, maxBody, &req) {
			reply(w, h.Reload(r.Context(), req))
		}
	})
	mux.HandleFunc("GET /api/v1/assets", func(w http.ResponseWriter, r *http.Request) {
		all, err := h.Assets(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		reply(w, all)
	})
	mux.HandleFunc("POST /api/v1/plan", func(w http.ResponseWriter, r *http.Request) {
		var req PlanRequest
		if !accept(w, r, maxPlan, &req) {
			return
		}
		p, err := h.Plan(r.Context(), req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
			return
		}
		reply(w, p)
	})
	h.nodeRoutes(mux)
	h.backupRoutes(mux)
	return mux
}

// accept reads a request, or answers that it cannot be read.
func accept(w http.ResponseWriter, r *http.Request, limit int64, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}

// Client asks the daemon behind a socket.
type Client struct {
	// Timeout is how long the daemon may take for an answer; 0 is no limit. An action on a node, whose steps it tells one
	// after the other, may take as long as it takes.
	Timeout time.Duration

	http http.Client
	path string
}

// ErrNoDaemon is that nobody answers on a socket.
var ErrNoDaemon = errors.New("no unibus answers")

// ErrLate is that the daemon has not answered in time. What was asked may still be done.
var ErrLate = errors.New("unibus does not answer")

// NewClient is a client for a socket. It connects with the first request.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("%w on %s", ErrNoDaemon, path)
		}
		return c, err
	}
	return &Client{http: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}, path: path}
}

// Status looks at the whole cluster.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.do(ctx, http.MethodGet, "/api/v1/status", nil, &s)
}

// History are the events after the one with a number.
func (c *Client) History(ctx context.Context, after uint64) ([]Event, error) {
	var all []Event
	return all, c.do(ctx, http.MethodGet, "/api/v1/history?after="+strconv.FormatUint(after, 10), nil, &all)
}

// Reload makes the daemon read its file again.
func (c *Client) Reload(ctx context.Context, req ReloadRequest) (Reload, error) {
	var r Reload
	return r, c.do(ctx, http.MethodPost, "/api/v1/reload", req, &r)
}

// Assets are the live assets as blocks of the file.
func (c *Client) Assets(ctx context.Context) (Assets, error) {
	var all Assets
	return all, c.do(ctx, http.MethodGet, "/api/v1/assets", nil, &all)
}

// Plan compares a file with the running cluster.
func (c *Client) Plan(ctx context.Context, req PlanRequest) (Plan, error) {
	var p Plan
	return p, c.do(ctx, http.MethodPost, "/api/v1/plan", req, &p)
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, ErrLate)
		defer cancel()
	}
	resp, err := c.send(ctx, method, path, in)
	if err == nil {
		defer resp.Body.Close()
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	if err != nil && errors.Is(context.Cause(ctx), ErrLate) {
		return fmt.Errorf("%w on %s within %v", ErrLate, c.path, c.Timeout)
	}
	return err
}

// send returns an answer that is not an error. The caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://unibus"+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, errors.Unwrap(err) // without the made-up URL
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return nil, fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(text))
	}
	return resp, nil
}
