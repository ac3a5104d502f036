package api

import (
	"crypto/sha256"
	_ "embed" // the page is part of the program
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"strings"
)

var (
	//go:embed page/index.html
	pageHTML string
	//go:embed page/page.js
	pageScript string

	// pagePolicy allows the page its own style, its own script and questions to where it came from; nothing else.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src '" + styleHash(pageHTML) + "'; connect-src 'self'; img-src 'self' data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)

// styleHash is the hash of the one style sheet in a page, as a Content-Security-Policy names it.
func styleHash(html string) string {
	_, style, _ := strings.Cut(html, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func servePage(out http.ResponseWriter, _ *http.Request) {
	out.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(out, pageHTML) // the client is gone
}

func serveScript(out http.ResponseWriter, _ *http.Request) {
	out.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	_, _ = io.WriteString(out, pageScript) // the client is gone
}

// discard takes what net/http would log: that clients go away, and that some do not speak TLS.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }
