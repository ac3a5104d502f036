package node

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"unibus/internal/api"
)

// monitorToken must never be seen.
const monitorToken = "monitor-token-that-nobody-may-see"

// planted are the secrets, in every spelling in which they could be shown by accident.
var planted = []string{routePassword, bobsPassword, monitorToken}

// webPaths are everything that the HTTP side answers.
var webPaths = []string{
	"/", "/page.js", "/api/v1/status", "/api/v1/history", "/metrics", "/livez", "/readyz", "/healthz", "/healthz?scope=cluster",
	"/varz", "/connz?auth=1&subs=detail", "/routez?subs=detail", "/gatewayz", "/leafz", "/subsz?subs=1", "/accountz?acc=BUS", "/accstatz?unused=1",
	"/jsz?accounts=1&streams=1&consumers=1&config=1", "/ipqueuesz?all=1", "/raftz",
}

// hungUp is that the server hung up before it had read all: who sends too much may not get to read the answer.
const hungUp = -1

// web is a request to a node, and the answer.
func (l *lab) web(node, path string, change func(*http.Request)) (int, http.Header, string) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, l.webURL(node)+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return hungUp, nil, ""
	}
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		l.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

func (l *lab) webURL(node string) string { return fmt.Sprintf("http://127.0.0.1:%d", l.ports[node][2]) }

// TestWeb asks a running cluster everything that it answers over HTTP: every byte is free of secrets, and stock tools find
// what they know. What no operator sends is turned away.
func TestWeb(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text())
	l.startAll()
	nc := l.dialFirst("n1") // bob is among the connections
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, path := range webPaths {
		status, header, body := l.web("n1", path, nil)
		if status != http.StatusOK || body == "" {
			t.Errorf("%s: %d %q", path, status, body)
		}
		clean(t, path, body)
		if header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: headers %v", path, header)
		}
	}
	if status, _, _ := l.web("n1", "/stacksz", nil); status != http.StatusNotFound {
		t.Errorf("/stacksz: %d", status)
	}
	stock(t, l)
	turnedAway(t, l)
	stream(t, l)
	if info, err := os.Stat(l.nodes["n1"].path("sock")); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
}

// clean makes sure that a text has no secret.
func clean(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range planted {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %q", what, secret)
		}
	}
}

// stock reads what nats-top and the exporter of NATS read.
func stock(t *testing.T, l *lab) {
	t.Helper()
	var varz struct {
		Name        string `json:"server_name"`
		Connections int
	}
	_, _, body := l.web("n2", "/varz", nil)
	if err := json.Unmarshal([]byte(body), &varz); err != nil || varz.Name != "n2" {
		t.Errorf("varz: %+v, %v", varz, err)
	}
	_, _, body = l.web("n2", "/metrics", nil)
	for _, want := range []string{
		"unibus_healthy 1", `unibus_node_up{cluster="unibus",node="n3"} 1`, "unibus_meta_quorum 2",
		`unibus_asset_replicas_current{kind="bucket",account="BUS",name="rooms"} 3`, `unibus_problems{severity="warning"} 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("metrics have no %s", want)
		}
	}
}

// turnedAway sends what is not answered.
func turnedAway(t *testing.T, l *lab) {
	t.Helper()
	for _, c := range []struct {
		what   string
		path   string
		change func(*http.Request)
		want   int
	}{
		{"an unknown host", "/", func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		{"a host that begins like this one", "/", func(r *http.Request) { r.Host = "127.0.0.1.evil.example" }, http.StatusMisdirectedRequest},
		{"the name of the node", "/", func(r *http.Request) { r.Host = "n1:80" }, http.StatusOK},
		{"another origin", "/api/v1/status", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, http.StatusForbidden},
		{"another site", "/varz", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		{"a link from another site", "/", func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			r.Header.Set("Sec-Fetch-Mode", "navigate")
			r.Header.Set("Sec-Fetch-Dest", "document")
		}, http.StatusOK},
		{"another method", "/api/v1/reload", func(r *http.Request) { r.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		{"what only the socket has", "/api/v1/reload", nil, http.StatusNotFound},
		{"a body", "/", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("x")), 1 }, http.StatusRequestEntityTooLarge},
		{"a long address", "/?" + strings.Repeat("x", 4<<10), nil, http.StatusRequestURITooLong},
		{"large headers", "/", func(r *http.Request) { r.Header.Set("X", strings.Repeat("x", 64<<10)) }, http.StatusRequestHeaderFieldsTooLarge},
	} {
		if status, _, body := l.web("n1", c.path, c.change); status != c.want && (status != hungUp || c.want < http.StatusRequestEntityTooLarge) {
			t.Errorf("%s: %d %.100q, want %d", c.what, status, body, c.want)
		}
	}
	slow(t, l)
}

// slow begins a request and never ends it. The server hangs up.
func slow(t *testing.T, l *lab) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.webURL("n1"), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX: "); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(longest)); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(answer), "200 OK") {
		t.Errorf("a request that does not end: %q, %v", answer, err)
	}
}

// stream follows the events until it has a status, a beat, and the beginning of the history.
func stream(t *testing.T, l *lab) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.webURL("n1")+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	missing := []string{"event: status", "event: tick", "event: happened"}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for len(missing) > 0 && lines.Scan() {
		clean(t, "/api/v1/events", lines.Text())
		missing = slices.DeleteFunc(missing, func(m string) bool { return m == lines.Text() })
	}
	if len(missing) > 0 {
		t.Errorf("the stream has no %v: %v", missing, lines.Err())
	}
}

// TestWebToken shows that on an address that is not loopback the node speaks TLS with its certificate and answers only who
// shows the token, and that a new token counts at once.
func TestWebToken(t *testing.T) {
	t.Parallel()
	l := newTLSLab(t, "n1")
	l.write("token", monitorToken)
	text := l.text("monitor { port", "monitor {\n listen = \"0.0.0.0\"\n token = secret.token\n port", fmt.Sprintf("port = %d }", l.ports["n1"][2]), fmt.Sprintf("port = %d\n}", l.ports["n1"][2]), "  secrets {", "  secrets {\n token = file(\""+l.path("token")+"\")\n")
	l.ship(text)
	l.nodes["n1"].start()
	roots := x509.NewCertPool()
	roots.AddCert(l.ca.cert)
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
	base := fmt.Sprintf("https://127.0.0.1:%d", l.ports["n1"][2])
	ask := func(path, token string, basic bool) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case basic:
			r.SetBasicAuth("anybody", token)
		case token != "":
			r.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := web.Do(r)
		if err != nil {
			return 0, err.Error()
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
	eventually(t, func() error {
		if status, body := ask("/api/v1/status", monitorToken, false); status != http.StatusOK {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	for _, path := range webPaths {
		open := path == "/livez" || path == "/readyz"
		if status, body := ask(path, "", false); (status == http.StatusUnauthorized) == open {
			t.Errorf("%s without a token: %d %.80s", path, status, body)
		}
		if status, _ := ask(path, "wrong", true); (status == http.StatusUnauthorized) == open {
			t.Errorf("%s with a wrong token: %d", path, status)
		}
		status, body := ask(path, monitorToken, true)
		if status != http.StatusOK && path != "/raftz" { // it has no groups
			t.Errorf("%s with the token: %d", path, status)
		}
		clean(t, path, body)
	}
	l.write("token", "another-token")
	eventually(t, func() error {
		if status, _ := ask("/", monitorToken, false); status != http.StatusUnauthorized {
			return fmt.Errorf("the old token: %d", status)
		}
		if status, _ := ask("/", "another-token", false); status != http.StatusOK {
			return fmt.Errorf("the new token: %d", status)
		}
		return nil
	})
}

// TestWebRefused shows that the reason why a file was refused is told, without what the file had in place of a secret.
func TestWebRefused(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1")
	l.ship(l.text())
	l.startAll()
	n1 := l.nodes["n1"]
	bad := l.text(`password = secret.bob`, `password = "`+bobsPassword+`" bogus`)
	n1.write("unibus.hcl", bad)
	n1.refuses(bad)
	status, _, body := l.web("n1", "/api/v1/status", nil)
	var s api.Status
	if err := json.Unmarshal([]byte(body), &s); status != http.StatusOK || err != nil {
		t.Fatal(status, err)
	}
	clean(t, "a refused file", body)
	if !slices.ContainsFunc(s.Problems, func(p api.Problem) bool { return p.Code == "UB2206" && strings.Contains(p.Summary, "unibus.hcl:") }) {
		t.Errorf("problems %+v", s.Problems)
	}
	if status, _, _ := l.web("n1", "/healthz?scope=cluster", nil); status != http.StatusServiceUnavailable {
		t.Errorf("healthz of the cluster: %d", status)
	}
	if status, _, _ := l.web("n1", "/readyz", nil); status != http.StatusOK {
		t.Errorf("readyz: %d", status)
	}
}

// TestReports counts what the nodes of an idle cluster tell each other, and shows that no problem stays.
func TestReports(t *testing.T) {
	t.Parallel()
	l := newLab(t, "n1", "n2", "n3")
	l.ship(l.text(`  user "bob"`, `  account "$SYS" {
    user "sys" { password = secret.bob }
  }
  user "bob"`))
	l.startAll()
	nc, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", l.ports["n1"][0]), nats.UserInfo("sys", bobsPassword))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync(reportSubject)
	if err != nil {
		t.Fatal(err)
	}
	const seconds = 5
	bytes, from, end := 0, map[string]int{}, time.Now().Add(seconds*time.Second)
	for time.Now().Before(end) {
		m, err := sub.NextMsg(time.Until(end))
		if err != nil {
			break
		}
		clean(t, reportSubject, string(m.Data))
		var r report
		if err := json.Unmarshal(m.Data, &r); err != nil {
			t.Fatal(err)
		}
		from[r.Node.Name]++
		bytes += len(m.Data)
	}
	all := from["n1"] + from["n2"] + from["n3"]
	if len(from) != 3 || all > 10*seconds {
		t.Errorf("in %d s there were the reports %v, want at most 10 a second", seconds, from)
	}
	t.Logf("%.1f reports a second of %d bytes", float64(all)/seconds, bytes/max(1, all))
	eventually(t, func() error {
		s, err := l.nodes["n1"].status()
		if err == nil && len(s.Problems) > 0 {
			err = fmt.Errorf("problems %+v", s.Problems)
		}
		return err
	})
}
