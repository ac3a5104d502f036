package hclconf

import (
	"strings"

	"unibus/config/schema"
)

// layer is one use of a secret.
type layer struct {
	secret *schema.Secret
	kind   string // the trust boundary
	what   string
}

// layers are the uses of secrets of a topology.
func layers(t *schema.Topology) []layer {
	var all []layer
	add := func(s *schema.Secret, kind, what string) {
		if s.IsSet() {
			all = append(all, layer{s, kind, what})
		}
	}
	if g := t.Gateways; g != nil {
		add(&g.Password, "gateways", "the password of the gateways")
	}
	for _, c := range t.Clusters {
		if r := c.Routes; r != nil {
			add(&r.Password, "routes", "the password of the routes")
			add(&r.PreviousPassword, "routes", "the previous password of the routes")
		}
		for _, n := range c.Nodes {
			if e := n.JetStream.Encryption; e != nil {
				add(&e.Key, "store", "the key of the store of node \""+clip(n.Name)+"\"")
			}
			add(&n.Monitor.Token, "monitor", "the token of the monitor of node \""+clip(n.Name)+"\"")
		}
	}
	for _, a := range t.Accounts {
		for _, u := range a.Users {
			add(&u.Password, "clients", "the password of user \""+clip(u.Name)+"\"")
		}
	}
	return all
}

// natsBcrypt is what nats-server v2.15.2 takes for a bcrypt hash (auth.go, validBcryptPrefix).
var natsBcrypt = re(`^\$2[abxy]\$\d{2}\$`)

// isBcrypt tells a password hash, which may stand in the file, from a password.
func isBcrypt(s string) bool { return len(s) == 60 && natsBcrypt().MatchString(s) }

// checkSecrets looks at secrets whose value is known here.
func (l *loader) checkSecrets(t *schema.Topology) {
	for _, s := range layers(t) {
		if !s.secret.IsKnown() {
			continue
		}
		switch v := s.secret.Reveal(); {
		case v == "":
			l.errorf(s.secret, codeCredential, "%s is empty", s.what).try("32 random characters, for instance from `openssl rand -hex 16`")
		case strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }):
			l.errorf(s.secret, codeCredential, "%s has a line break or another control character", s.what).try("one line of text")
		case s.kind == "clients" && natsBcrypt().MatchString(v) && !isBcrypt(v):
			l.errorf(s.secret, codeCredential, "%s begins like a bcrypt hash, but is none", s.what).try("60 characters, such as `nats server passwd` prints")
		}
	}
}

// checkSharedSecrets finds one secret that opens two layers, by its value or by where it comes from.
func (l *loader) checkSharedSecrets(t *schema.Topology) {
	first := map[string]layer{}
	for _, s := range layers(t) {
		keys := []string{}
		if s.secret.IsKnown() && s.secret.Reveal() != "" {
			keys = append(keys, "value "+s.secret.Reveal())
		}
		if o := l.origins[s.secret]; o != "" {
			keys = append(keys, "origin "+o)
		}
		for _, key := range keys {
			old, again := first[key]
			if !again {
				first[key] = s
			} else if old.kind != s.kind {
				l.errorf(s.secret, codeSharedSecret, "%s is also %s", s.what, old.what).
					also(l, old.secret, "%s", old.what).try("a secret of its own for each")
				break
			}
		}
	}
	l.checkRotation(t)
}

// checkRotation warns of a previous password that is the one of today.
func (l *loader) checkRotation(t *schema.Topology) {
	for _, c := range t.Clusters {
		r := c.Routes
		if r == nil || !r.PreviousPassword.IsSet() {
			continue
		}
		sameValue := r.Password.IsKnown() && r.Password.Equal(r.PreviousPassword)
		sameOrigin := l.origins[&r.Password] != "" && l.origins[&r.Password] == l.origins[&r.PreviousPassword]
		if sameValue || sameOrigin {
			l.warnf(&r.PreviousPassword, codeNoEffect, "previous_password is the password itself").
				also(l, &r.Password, "the password").try("leave previous_password out unless a rotation is going on")
		}
	}
}
