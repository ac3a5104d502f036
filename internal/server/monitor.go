package server

import (
	"bytes"
	"net/http"
	"strconv"
)

// Monitoring are nats-server's own monitoring endpoints, without a listener: /varz, /connz, /jsz and so on, as nats-top and
// the Prometheus exporter of NATS read them. What they answer goes through the redactor. There is no /healthz, which
// says ok with a node dead (nats-server v2.15.2), and no /stacksz.
func (s *Server) Monitoring() http.Handler {
	mux := http.NewServeMux()
	for path, handle := range map[string]http.HandlerFunc{
		"/varz": s.nats.HandleVarz, "/connz": s.nats.HandleConnz, "/routez": s.nats.HandleRoutez, "/gatewayz": s.nats.HandleGatewayz,
		"/leafz": s.nats.HandleLeafz, "/subsz": s.nats.HandleSubsz, "/subscriptionsz": s.nats.HandleSubsz, "/accountz": s.nats.HandleAccountz,
		"/accstatz": s.nats.HandleAccountStatz, "/jsz": s.nats.HandleJsz, "/ipqueuesz": s.nats.HandleIPQueuesz, "/raftz": s.nats.HandleRaftz,
	} {
		mux.HandleFunc(path, s.redacted(handle))
	}
	return mux
}

// redacted is a handler with every secret taken out of its answer.
func (s *Server) redacted(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := answer{header: w.Header(), status: http.StatusOK}
		handle(&answer, r)
		text := s.log.redactor.line(answer.body.String())
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(answer.status)
		_, _ = w.Write([]byte(text)) // the client is gone
	}
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
