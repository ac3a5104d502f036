package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Web is the read-only side of a daemon on TCP: the page, the status, metrics, health and nats-server's own monitoring
// endpoints. It changes nothing and tells no secret.
type Web struct {
	// Status and Events are as in Handler.
	Status func(context.Context) Status
	Events func(after uint64) []Event
	// NATS answers for nats-server.
	NATS http.Handler
	// Hosts are the names, without a port, by which the daemon may be called, besides localhost and the address that a
	// request came to. Whoever makes a browser believe that another name is ours gets nothing.
	Hosts []string
	// Token is what a request must show, as a bearer or as the password of a basic login; "" is nothing.
	Token func() string
	// TLS is nil for clear text.
	TLS *tls.Config
}

// The limits of a request: whoever sends more, or more slowly, is turned away.
const (
	maxConns   = 256
	maxStreams = 16
	maxHeader  = 16 << 10
	maxURL     = 2 << 10
	headerWait = 5 * time.Second
	answerWait = 30 * time.Second
	streamWait = 5 * time.Second
	// streamEvery is how often a stream tells what is new.
	streamEvery = 500 * time.Millisecond
	// streamBeat is how often it says that nothing is.
	streamBeat = time.Second
)

// Serve answers on a listener until ctx ends, and then returns nil. It closes the listener.
func (w Web) Serve(ctx context.Context, l net.Listener) error {
	l = &limited{Listener: l, slots: make(chan struct{}, maxConns)}
	if w.TLS != nil {
		l = tls.NewListener(l, w.TLS)
	}
	srv := &http.Server{
		Handler:           w.guard(w.routes()),
		ReadHeaderTimeout: headerWait,
		ReadTimeout:       2 * headerWait,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          discard(),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}

func (w Web) routes() http.Handler {
	var streams atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", servePage)
	mux.HandleFunc("GET /page.js", serveScript)
	mux.HandleFunc("GET /api/v1/status", func(out http.ResponseWriter, r *http.Request) { reply(out, w.Status(r.Context())) })
	mux.HandleFunc("GET /api/v1/history", func(out http.ResponseWriter, r *http.Request) { reply(out, w.Events(after(r))) })
	mux.HandleFunc("GET /api/v1/events", func(out http.ResponseWriter, r *http.Request) {
		defer streams.Add(-1)
		if streams.Add(1) > maxStreams {
			http.Error(out, "too many streams", http.StatusServiceUnavailable)
			return
		}
		w.stream(out, r)
	})
	mux.HandleFunc("GET /metrics", func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		fmt.Fprint(out, metrics(w.Status(r.Context())))
	})
	mux.HandleFunc("GET /livez", func(out http.ResponseWriter, _ *http.Request) { fmt.Fprintln(out, "ok") })
	mux.HandleFunc("GET /readyz", func(out http.ResponseWriter, r *http.Request) {
		if _, level := w.Status(r.Context()).Health(ScopeNode); level == Critical {
			http.Error(out, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(out, "ok")
	})
	mux.HandleFunc("GET /healthz", w.healthz)
	mux.Handle("GET /", w.NATS)
	return mux
}

// healthz has the shape of nats-server's, and tells the truth. Its scope is the node, or ?scope=cluster.
func (w Web) healthz(out http.ResponseWriter, r *http.Request) {
	scope := ScopeNode
	if r.URL.Query().Get("scope") == ScopeCluster {
		scope = ScopeCluster
	}
	h, level := w.Status(r.Context()).Health(scope)
	answer := map[string]any{"status": "ok", "status_code": http.StatusOK}
	if level == Critical || scope == ScopeCluster && level != OK {
		answer = map[string]any{"status": "unavailable", "status_code": http.StatusServiceUnavailable, "error": h.Text}
		out.Header().Set("Content-Type", "application/json")
		out.WriteHeader(http.StatusServiceUnavailable)
	}
	reply(out, answer)
}

// stream sends what has happened, and the status whenever it changes, until the client goes.
func (w Web) stream(out http.ResponseWriter, r *http.Request) {
	out.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(out)
	_ = control.SetReadDeadline(time.Time{})
	send := func(event string, v any) error {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_ = control.SetWriteDeadline(time.Now().Add(streamWait))
		if _, err := fmt.Fprintf(out, "event: %s\ndata: %s\n\n", event, data); err != nil {
			return err
		}
		return control.Flush()
	}
	var last uint64
	var before string
	var sent time.Time
	for {
		s := w.Status(r.Context())
		for _, e := range w.Events(last) {
			if send("happened", e) != nil {
				return
			}
			last = e.Number
		}
		var err error
		switch now := lasting(s); {
		case now != before:
			before, sent = now, time.Now()
			err = send("status", s)
		case time.Since(sent) >= streamBeat:
			sent = time.Now()
			err = send("tick", map[string]any{"time": s.Time})
		}
		if err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(streamEvery):
		}
	}
}

// lasting is a status without what is new at every look.
func lasting(s Status) string {
	s.Time = time.Time{}
	s.Nodes = slices.Clone(s.Nodes)
	for i := range s.Nodes {
		n := &s.Nodes[i]
		n.UptimeSeconds, n.Disk.UsedBytes = nil, nil
		if n.State == StateUp {
			n.LastSeen = nil
		}
	}
	b, _ := json.Marshal(s) // cannot fail: it is sent all the time
	return string(b)
}

func after(r *http.Request) uint64 {
	n, _ := strconv.ParseUint(r.URL.Query().Get("after"), 10, 64) // all, else
	return n
}

// guard turns away what no operator or monitoring system sends.
func (w Web) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		h := out.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if status, why := w.refusal(r); status != 0 {
			if status == http.StatusUnauthorized {
				h.Set("WWW-Authenticate", `Basic realm="unibus", charset="UTF-8"`)
			}
			h.Set("Connection", "close")
			http.Error(out, why, status)
			return
		}
		_ = http.NewResponseController(out).SetWriteDeadline(time.Now().Add(answerWait))
		next.ServeHTTP(out, r)
	})
}

// refusal is why a request is not answered; 0 when it is.
func (w Web) refusal(r *http.Request) (status int, why string) {
	open := r.URL.Path == "/livez" || r.URL.Path == "/readyz" // a word each
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return http.StatusMethodNotAllowed, "this side only answers; what changes something goes over the socket"
	case r.ContentLength != 0:
		return http.StatusRequestEntityTooLarge, "a request has no body here"
	case len(r.RequestURI) > maxURL:
		return http.StatusRequestURITooLong, "the address is too long"
	case !w.called(r):
		return http.StatusMisdirectedRequest, "this host is not called so; use its address"
	case crossSite(r):
		return http.StatusForbidden, "another site may not ask"
	case !open && !w.authorized(r):
		return http.StatusUnauthorized, "the token of monitor is needed, as a bearer or as the password of any user"
	}
	return 0, ""
}

// called tells whether a request is for this host.
func (w Web) called(r *http.Request) bool {
	name := r.Host
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if h, _, err := net.SplitHostPort(local.String()); err == nil && sameAddress(h, name) {
			return true
		}
	}
	return strings.EqualFold(name, "localhost") || sameAddress(name, "127.0.0.1") || sameAddress(name, "::1") ||
		slices.ContainsFunc(w.Hosts, func(h string) bool { return strings.EqualFold(h, name) || sameAddress(h, name) })
}

func sameAddress(a, b string) bool {
	x, y := net.ParseIP(a), net.ParseIP(b)
	return x != nil && y != nil && x.Equal(y)
}

// crossSite tells whether a page of another origin has made a browser ask. Following a link to the page is fine.
func crossSite(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.URL.Path != "/" || r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

func (w Web) authorized(r *http.Request) bool {
	token := w.Token()
	if token == "" {
		return true
	}
	_, shown, basic := r.BasicAuth()
	if !basic {
		shown, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(shown))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// limited is a listener with a limit on how many connections there are at a time; further ones wait.
type limited struct {
	net.Listener
	slots chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	l.slots <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &slot{Conn: c, slots: l.slots}, nil
}

// slot is a connection that makes room when it is closed.
type slot struct {
	net.Conn
	slots  chan struct{}
	closed atomic.Bool
}

func (s *slot) Close() error {
	if s.closed.CompareAndSwap(false, true) {
		<-s.slots
	}
	return s.Conn.Close()
}
