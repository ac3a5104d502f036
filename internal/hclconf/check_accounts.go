package hclconf

import (
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"unibus/config/schema"
)

// checkAccounts looks at the accounts' names and at the one that is NATS's own.
func (l *loader) checkAccounts(e *estate) {
	first := map[string]*schema.Account{}
	for _, a := range e.Accounts {
		l.checkName(&a.Name, "account", a.Name, accountName)
		if old := first[a.Name]; old != nil {
			l.duplicate(&a.Name, &old.Name, "two accounts are called %q", clip(a.Name))
		}
		first[a.Name] = a
		switch {
		case a.Name == schema.SystemAccount && len(e.assets[a]) > 0:
			b := e.assets[a][0]
			l.errorf(b.label, codeSystem, "the system account cannot hold %ss", b.kind).try("move the %s into another account", b.kind)
		case a.Name == schema.SystemAccount && a.JetStream != nil:
			l.errorf(a.JetStream, codeSystem, "the system account has no JetStream").try("remove the jetstream block")
		case strings.HasPrefix(a.Name, "$") && a.Name != schema.SystemAccount:
			l.errorf(&a.Name, codeName, "account names with $ are NATS's own").try("account \"$SYS\", or a name without $")
		}
	}
}

// checkUsers makes sure that every client is told apart, and that somebody can connect.
func (l *loader) checkUsers(t *schema.Topology) {
	keys, passwords := map[string]*schema.User{}, map[string]*schema.User{}
	somebody := false
	for _, a := range t.Accounts {
		labels := map[string]*schema.User{}
		for _, u := range a.Users {
			somebody = somebody || a.Name != schema.SystemAccount
			l.checkName(&u.Name, "user", u.Name, userName)
			l.checkPermissions(u)
			l.checkConnection(u)
			if old := labels[u.Name]; old != nil {
				l.duplicate(&u.Name, &old.Name, "two users of account %q are called %q", a.Name, clip(u.Name))
			} else if old := passwords[u.Name]; old != nil && u.Password.IsSet() {
				l.duplicate(&u.Name, &old.Name, "two users with passwords are called %q; a client names only the user, not the account", clip(u.Name))
			}
			labels[u.Name] = u
			if u.Password.IsSet() {
				passwords[u.Name] = u
			}
			if l.checkCredential(u) && u.NKey != "" {
				if old := keys[u.NKey]; old != nil {
					l.duplicate(&u.NKey, &old.NKey, "users %q and %q have the same nkey", old.Name, u.Name)
				}
				keys[u.NKey] = u
			}
		}
	}
	if !somebody {
		l.warnf(t.Clusters[0], codeNoUsers, "the file has no user, so only unibus itself can connect").
			try("user \"NAME\" { nkey = \"U…\" }")
	}
}

// checkCredential makes sure that a user has one credential, of the right kind.
func (l *loader) checkCredential(u *schema.User) bool {
	hasKey, hasPassword := l.written(&u.NKey), l.written(&u.Password)
	switch {
	case hasKey && hasPassword:
		l.errorf(&u.Password, codeCredential, "user %q has both an nkey and a password", u.Name).
			also(l, &u.NKey, "the nkey").try("keep the nkey")
		return false
	case !hasKey && !hasPassword:
		l.errorf(u, codeCredential, "user %q has neither an nkey nor a password", u.Name).try("nkey = \"U…\", the public key of the client")
		return false
	case hasKey:
		return l.sound(&u.NKey) && l.checkNKey(u)
	}
	return true
}

// checkNKey never shows what was written, because it may be a seed.
func (l *loader) checkNKey(u *schema.User) bool {
	key := u.NKey
	switch {
	case nkeys.IsValidPublicUserKey(key):
		return true
	case isSeed(key) || strings.HasPrefix(key, "S") && len(key) == 58:
		l.errorf(&u.NKey, codeSeed, "the nkey of user %q is a seed, which is the client's secret", u.Name).
			try("write the public key, which begins with U, and replace the seed: it has been in a file")
	case nkeys.IsValidPublicKey(key):
		kind := nkeys.Prefix(key).String()
		l.errorf(&u.NKey, codeNKey, "the nkey of user %q is the key of %s %s, not of a user", u.Name, article(kind), kind).
			try("the public key of a user begins with U")
	case len(key) == 56 && strings.HasPrefix(key, "U"):
		l.errorf(&u.NKey, codeNKey, "the nkey of user %q has a wrong checksum, so a character was changed", u.Name).try("copy it again")
	default:
		l.errorf(&u.NKey, codeNKey, "the nkey of user %q is not a public user key", u.Name).
			try("56 characters that begin with U, such as `nk -gen user -pubout` prints")
	}
	return false
}

func article(word string) string {
	if strings.ContainsAny(word[:1], "aeiou") {
		return "an"
	}
	return "a"
}

// checkPermissions makes sure that NATS takes the subjects, and that an empty list is not taken for none.
func (l *loader) checkPermissions(u *schema.User) {
	p := u.Permissions
	if p == nil {
		return
	}
	l.checkSubjects(u, "publish", p.Publish, validSubject)
	l.checkSubjects(u, "subscribe", p.Subscribe, func(s string) bool {
		words := strings.Fields(s) // a subject, or a subject and a queue
		return validSubject(s) || len(words) == 2 && validSubject(words[0]) && validSubject(words[1])
	})
}

func (l *loader) checkSubjects(u *schema.User, what string, p *schema.SubjectPermission, valid func(string) bool) {
	if p == nil {
		return
	}
	for _, all := range [][]string{p.Allow, p.Deny} {
		for i, s := range all {
			if !valid(s) {
				l.errorf(&all[i], codeSubject, "%q is not a subject to %s", clip(s), what).try("words with dots between them; * stands for one, > for all the rest")
			}
		}
	}
	if l.written(&p.Allow) && len(p.Allow) == 0 && l.sound(&p.Allow) {
		l.warnf(&p.Allow, codeOpenPermission, "an empty list lets user %q %s everything", u.Name, what).
			try("deny = [\">\"] for nothing, or leave allow out for everything")
	}
}

// checkConnection makes sure that a user can connect at all: there are only standard listeners.
func (l *loader) checkConnection(u *schema.User) {
	if len(u.ConnectionTypes) > 0 && l.sound(&u.ConnectionTypes) && !slices.Contains(u.ConnectionTypes, "STANDARD") {
		l.errorf(&u.ConnectionTypes, codeConnection, "user %q can never connect: there are no listeners but standard ones", u.Name).
			try("connection_types = [\"STANDARD\"]")
	}
}

// checkOwned looks for what contradicts an account whose declared assets only unibus changes.
func (l *loader) checkOwned(e *estate) {
	for _, a := range e.Accounts {
		withheld := a.Withheld()
		if a.Owned && len(withheld) == 0 {
			l.warnf(&a.Owned, codeNoEffect, "account %q declares nothing that could be owned", clip(a.Name)).
				try("buckets, streams or object stores in the account, or leave owned out")
			continue
		}
		for _, u := range a.Users {
			if u.Permissions == nil || u.Permissions.Publish == nil {
				continue
			}
			for i, s := range u.Permissions.Publish.Allow {
				if strings.HasPrefix(s, "$JS.API.") && slices.ContainsFunc(withheld, func(w string) bool { return within(s, w) }) {
					l.warnf(&u.Permissions.Publish.Allow[i], codeOwned, "user %q may not do this, because account %q is owned", u.Name, clip(a.Name)).
						also(l, &a.Owned, "owned here").try("take it out, or owned = false")
				}
			}
		}
		for _, x := range a.Exports {
			if x.Service != "" && slices.ContainsFunc(withheld, func(w string) bool { return collide(w, x.Service) }) {
				l.warnf(&x.Service, codeOwned, "other accounts could change through this what account %q owns", clip(a.Name)).
					also(l, &a.Owned, "owned here").try("export only what they need, such as $JS.API.CONSUMER.MSG.NEXT.> and $JS.API.STREAM.INFO.*")
			}
		}
	}
}
