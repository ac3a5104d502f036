package webtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// browser is a Chromium with one tab, and what went wrong in it.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.WindowSize(1180, 900))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(alloc)
	t.Cleanup(func() { end(); stop() })
	return &browser{t, ctx}
}

// do runs actions that must succeed.
func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, longest)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, chromedp.Navigate(url)); err != nil { // the first call starts the browser, so without a limit of its own
		b.t.Fatal(err)
	}
}

// ask evaluates an expression in the page.
func (b *browser) ask(expression string, into any) {
	b.t.Helper()
	b.do(chromedp.Evaluate(expression, into))
}

// text is what the page shows to a reader.
func (b *browser) text() string {
	b.t.Helper()
	var s string
	b.ask("document.body.innerText", &s)
	return s
}

// shows waits until the page shows all of the texts.
func (b *browser) shows(texts ...string) {
	b.t.Helper()
	eventually(b.t, func() error {
		page := b.text()
		for _, want := range texts {
			if !strings.Contains(page, want) {
				return fmt.Errorf("the page does not show %q:\n%s", want, page)
			}
		}
		return nil
	})
}

// picture keeps a screenshot where UNIBUS_SCREENSHOTS says.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("UNIBUS_SCREENSHOTS")
	if dir == "" {
		dir = b.t.TempDir()
	}
	var png []byte
	b.do(chromedp.FullScreenshot(&png, 100))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// TestPage follows a real cluster through what happens to one: healthy, a node down, the leader moved, drift, recovered.
func TestPage(t *testing.T) {
	b := newBrowser(t)
	c := newCluster(t)
	before := c.settled("magnus")
	lost := ""
	for _, bucket := range before.Buckets {
		if bucket.Leader != "magnus" {
			lost = bucket.Leader
		}
	}
	if lost == "" {
		lost = "datardos"
	}
	b.open(c.url("magnus") + "/")
	b.shows("All is well. 1 node can be lost.", "UNIBUS_rooms", "settled, 3 of 3", "live, as of")
	b.picture("1-healthy")

	c.kill(lost)
	b.shows(lost+" is down. It works, and nothing more can be lost.", "UB2203", "connection refused", "degraded, 2 of 3", "on "+lost+": unibus doctor")
	b.picture("2-node-down")
	if lost != "datardos" {
		b.shows("leads")
	}
	eventually(t, func() error {
		s, err := c.status("magnus")
		if err != nil {
			return err
		}
		for _, bucket := range s.Buckets {
			if bucket.Leader == "" || bucket.Leader == lost {
				return fmt.Errorf("%s is led by %q", bucket.Name, bucket.Leader)
			}
		}
		return nil
	})
	b.picture("3-leader-moved")

	c.start(lost)
	b.shows("All is well.")
	c.ship("homer", "another description")
	b.shows("UB2204", "homer has the configuration", "differs")
	b.picture("4-drift")

	c.ship("homer", "")
	b.shows("All is well. 1 node can be lost.", "solved")
	b.picture("5-recovered")

	narrow(b)
	keyboard(b)
	stale(b, c)
}

// narrow shows that nothing sticks out on a telephone.
func narrow(b *browser) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(375, 800))
	var wide int
	b.ask("document.documentElement.scrollWidth", &wide)
	if wide > 375 {
		b.t.Errorf("at 375 px the page is %d px wide", wide)
	}
	b.picture("6-narrow")
	b.do(chromedp.EmulateViewport(1180, 900))
}

// keyboard shows that Tab reaches what can be scrolled, that signs have names, and that what is shown is announced.
func keyboard(b *browser) {
	b.t.Helper()
	var focused []string
	for range 3 {
		var on string
		b.do(chromedp.KeyEvent("\t"))
		b.ask("document.activeElement.className + ' ' + document.activeElement.getAttribute('aria-label')", &on)
		focused = append(focused, on)
	}
	if all := strings.Join(focused, "; "); !strings.Contains(all, "skip") || !strings.Contains(all, "Assets and the nodes") {
		b.t.Errorf("Tab reaches %s", all)
	}
	var nameless int
	b.ask("document.querySelectorAll('td.cell svg:not([role=img]), h1:empty').length", &nameless)
	if nameless > 0 {
		b.t.Errorf("%d signs in the table have no name", nameless)
	}
}

// stale shows that a page that hears nothing says so.
func stale(b *browser, c *cluster) {
	b.t.Helper()
	c.kill("magnus")
	b.shows("no answer for")
	var grey bool
	b.ask("document.body.classList.contains('stale')", &grey)
	if !grey {
		b.t.Error("what is old is not grey")
	}
	b.picture("7-stale")
	c.start("magnus")
	b.shows("live, as of")
}

// hostile is a name that would run a script if it were taken for markup.
const hostile = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`

// TestPageHostile puts markup in place of every text that the daemon tells, and expects to read it. The page also loads
// nothing from elsewhere, and its policy lets no other script run.
func TestPageHostile(t *testing.T) {
	b := newBrowser(t)
	c := newCluster(t)
	c.settled("magnus")
	b.open(poisoned(t, c.url("magnus")) + "/")
	b.shows(hostile)
	var pwned bool
	b.ask("window.pwned === 1", &pwned)
	if pwned {
		t.Error("a name was taken for a script")
	}
	var images, scripts int
	b.ask("document.querySelectorAll('img').length", &images)
	b.ask("document.scripts.length", &scripts)
	if images != 0 || scripts != 1 {
		t.Errorf("the page has %d images and %d scripts", images, scripts)
	}
	var elsewhere []string
	b.ask("performance.getEntriesByType('resource').map((r) => r.name).filter((n) => !n.startsWith(location.origin))", &elsewhere)
	if len(elsewhere) > 0 {
		t.Errorf("the page loads %v", elsewhere)
	}
	var refused string
	b.ask(`(() => { try { document.body.innerHTML = "<b>x</b>"; return "" } catch (e) { return e.name } })()`, &refused)
	if refused != "TypeError" {
		t.Errorf("the policy lets text become markup: %q", refused)
	}
}

// poisoned is a proxy in front of a daemon that puts hostile in place of the texts of every status.
func poisoned(t *testing.T, upstream string) string {
	t.Helper()
	to, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = to.Host
			r.Out.Header.Del("Origin") // it would be another one
		},
		FlushInterval: -1,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/events" {
			proxy.ServeHTTP(w, r)
			return
		}
		text, err := get(upstream + "/api/v1/status")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: status\ndata: %s\n\n", text)
		fmt.Fprintf(w, "event: happened\ndata: %s\n\n", `{"number":1,"time":"2026-01-01T00:00:00Z","kind":"problem","text":`+quoted()+`}`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

func quoted() string {
	b, _ := json.Marshal(hostile) // cannot fail
	return string(b)
}

// get is a status with every text replaced but those that the page looks up.
func get(from string) (string, error) {
	res, err := http.Get(from)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		return "", err
	}
	s["cluster"], s["node"] = hostile, hostile
	nodes, ok := s["nodes"].([]any)
	if !ok {
		return "", errors.New("the status has no nodes")
	}
	for _, n := range nodes {
		n := n.(map[string]any)
		n["name"], n["address"], n["reason"], n["state"], n["cluster"] = hostile, hostile, hostile, "restarting", hostile
		n["versions"], n["config_digest"] = map[string]any{"unibus": hostile, "nats": hostile}, hostile
	}
	for _, list := range []string{"buckets", "streams"} {
		for _, a := range s[list].([]any) {
			a := a.(map[string]any)
			a["name"], a["account"], a["state"] = hostile, hostile, hostile
		}
	}
	s["problems"] = []any{map[string]any{"code": hostile, "severity": hostile, "summary": hostile, "hint": hostile}}
	out, err := json.Marshal(s)
	return string(out), err
}
