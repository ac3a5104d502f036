package server

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"unibus/config/schema"
)

// redactor takes secrets out of lines that nats-server wrote: its reload prints route URLs with their passwords
// (v2.15.2, routesOption.Apply).
type redactor struct {
	secrets  []string
	replacer atomic.Pointer[strings.Replacer]
}

func newRedactor(secrets []string) *redactor {
	r := &redactor{}
	r.add(secrets)
	return r
}

// add takes out further secrets, on top of those it knows: after a change of passwords both are still in use. It must
// not be called by two goroutines at once.
func (r *redactor) add(secrets []string) {
	before := len(r.secrets)
	for _, s := range secrets {
		if !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
	if len(r.secrets) == before && r.replacer.Load() != nil {
		return
	}
	var forms []string
	for _, s := range r.secrets {
		forms = append(forms, spellings(s)...)
	}
	// Of two that start at the same place the longer one must win.
	slices.SortFunc(forms, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	var pairs []string
	for _, f := range slices.Compact(forms) {
		pairs = append(pairs, f, schema.Redacted)
	}
	r.replacer.Store(strings.NewReplacer(pairs...))
}

// line is s without any secret.
func (r *redactor) line(s string) string { return r.replacer.Load().Replace(s) }

// spellings are the ways in which a secret can stand in a line.
func spellings(secret string) []string {
	quoted := strconv.Quote(secret)
	conf := quote(secret)
	return []string{
		secret,
		quoted[1 : len(quoted)-1],
		conf[1 : len(conf)-1],
		url.QueryEscape(secret),
		url.PathEscape(secret),
		strings.TrimPrefix(url.UserPassword("", secret).String(), ":"),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.RawStdEncoding.EncodeToString([]byte(secret)),
		base64.URLEncoding.EncodeToString([]byte(secret)),
		base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
}
