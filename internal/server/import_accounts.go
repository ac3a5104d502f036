package server

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"unibus/config/schema"
)

// accounts reads the accounts, which every file has again: the first that has one counts.
func (im *importer) accounts(s *confScope) {
	system, systemAt := s.str("system_account", "system")
	if system = cmp.Or(system, schema.SystemAccount); system != schema.SystemAccount {
		im.note(systemAt, "the system account is %s here; a store that was used with %q is keyed by it and has to begin empty", schema.SystemAccount, system)
	}
	all := s.sub("accounts")
	if all == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(all.keys)) {
		block, _ := all.keys[key].Value().(map[string]any)
		name := originalKey(s, key)
		if name == system {
			name = schema.SystemAccount
		}
		if im.Topology.Account(name) != nil {
			continue
		}
		a := &schema.Account{Name: name}
		im.Topology.Accounts = append(im.Topology.Accounts, a)
		im.account(newConfScope(im, block, "accounts."+name+".", confPlace(all.keys[key])), a)
	}
}

// originalKey is the name of an account as it was written: of all keys, these alone are compared with their case.
func originalKey(s *confScope, lower string) string {
	block, _ := s.keys["accounts"].Value().(map[string]any)
	for key := range block {
		if strings.EqualFold(key, lower) {
			return key
		}
	}
	return lower
}

func (im *importer) account(s *confScope, a *schema.Account) {
	if js := s.sub("jetstream"); js != nil {
		im.accountLimits(js, a)
	} else if on, at := s.str("jetstream"); a.Name != schema.SystemAccount && (on == "" || on == "false" || on == "disabled") {
		im.note(cmp.Or(at, s.at), "account %q has no JetStream there and has it here", a.Name)
	}
	for _, u := range s.subs("users") {
		im.user(u, a)
	}
	for _, e := range s.subs("exports") {
		a.Exports = append(a.Exports, im.export(e))
	}
	for _, i := range s.subs("imports") {
		a.Imports = append(a.Imports, im.imports(i))
	}
	s.rest()
}

func (im *importer) export(s *confScope) *schema.Export {
	e := &schema.Export{}
	e.Stream, _ = s.str("stream")
	e.Service, _ = s.str("service")
	e.Accounts = s.strs("accounts")
	e.ResponseType, _ = s.str("response_type", "response")
	e.ResponseType = strings.ToLower(e.ResponseType)
	if text, _ := s.str("response_threshold", "threshold"); text != "" {
		if d, err := schema.ParseDuration(text); err == nil {
			e.ResponseThreshold = &d
		}
	}
	if n, at := s.size("account_token_position"); at != "" {
		position := int(n)
		e.AccountTokenPosition = &position
	}
	traces, _ := s.str("allow_trace")
	e.AllowTrace = traces == "true"
	s.rest()
	return e
}

func (im *importer) imports(s *confScope) *schema.Import {
	i := &schema.Import{}
	origin := func(key string) *schema.Imported {
		o := s.sub(key)
		if o == nil {
			return nil
		}
		from := &schema.Imported{}
		from.Account, _ = o.str("account")
		from.Subject, _ = o.str("subject")
		o.rest()
		return from
	}
	i.Stream, i.Service = origin("stream"), origin("service")
	i.To, _ = s.str("to")
	i.Prefix, _ = s.str("prefix")
	share, _ := s.str("share")
	i.Share = share == "true"
	traces, _ := s.str("allow_trace")
	i.AllowTrace = traces == "true"
	s.rest()
	return i
}

func (im *importer) accountLimits(s *confScope, a *schema.Account) {
	l := &schema.AccountJetStream{}
	size := func(at **schema.Size, keys ...string) {
		if n, place := s.size(keys...); place != "" && n >= 0 {
			*at = &n
		}
	}
	count := func(at **int, keys ...string) {
		if n, place := s.size(keys...); place != "" && n >= 0 {
			i := int(n)
			*at = &i
		}
	}
	size(&l.MaxFileStore, "max_file", "max_store", "max_disk", "store", "disk")
	size(&l.MaxMemoryStore, "max_mem", "max_memory", "mem", "memory")
	count(&l.MaxStreams, "max_streams", "streams")
	count(&l.MaxConsumers, "max_consumers", "consumers")
	count(&l.MaxAckPending, "max_ack_pending")
	size(&l.MemoryMaxStreamBytes, "memory_max_stream_bytes", "mem_max_stream_bytes")
	size(&l.DiskMaxStreamBytes, "disk_max_stream_bytes", "store_max_stream_bytes")
	if on, at := s.str("max_bytes_required", "max_stream_bytes", "max_bytes"); at != "" {
		is := on == "true"
		l.MaxBytesRequired = &is
	}
	s.rest()
	if *l != (schema.AccountJetStream{}) {
		a.JetStream = l
	}
}

func (im *importer) user(s *confScope, a *schema.Account) {
	u := &schema.User{}
	u.Name, _ = s.str("user", "username")
	password, at := s.str("password", "pass")
	u.NKey, _ = s.str("nkey")
	if u.NKey != "" {
		u.Name = "user-" + strings.ToLower(u.NKey[len(u.NKey)-min(8, len(u.NKey)):])
		im.note(s.at, "an nkey has no name there: it is called %q here", u.Name)
	}
	if password != "" {
		u.Password = schema.NewSecret(password)
		im.password(&u.Password, password, a.Name+"_"+u.Name, at)
	}
	u.ConnectionTypes = s.strs("allowed_connection_types")
	if p := s.sub("permissions"); p != nil {
		im.permissions(p, u)
	}
	s.rest()
	a.Users = append(a.Users, u)
}

// password keeps a hash, which is no secret, and makes everything else a reference.
func (im *importer) password(at *schema.Secret, value, name, place string) {
	if strings.HasPrefix(value, "$2") {
		im.Refer[at] = ""
		return
	}
	im.secret(at, name, place)
}

func (im *importer) permissions(s *confScope, u *schema.User) {
	p := &schema.Permissions{}
	for _, side := range []struct {
		at   **schema.SubjectPermission
		keys []string
	}{{&p.Publish, []string{"publish", "pub", "import"}}, {&p.Subscribe, []string{"subscribe", "sub", "export"}}} {
		for _, key := range side.keys {
			if sub := s.sub(key); sub != nil {
				*side.at = &schema.SubjectPermission{Allow: sub.strs("allow"), Deny: sub.strs("deny")}
				sub.rest()
			} else if allow := s.strs(key); len(allow) > 0 {
				*side.at = &schema.SubjectPermission{Allow: allow}
			}
		}
	}
	s.rest()
	u.Permissions = p
}

// authorization reads users outside of any account: they are those of the global account.
func (im *importer) authorization(s *confScope) {
	auth := s.sub("authorization")
	if auth == nil {
		return
	}
	users := auth.subs("users")
	if user, _ := auth.str("user", "username"); user != "" {
		users = append(users, auth)
	}
	if a := im.Topology.Account(schema.DefaultAccount); len(users) > 0 && a == nil {
		a = &schema.Account{Name: schema.DefaultAccount}
		im.Topology.Accounts = append(im.Topology.Accounts, a)
		for _, u := range users {
			im.user(u, a)
		}
		im.note(auth.at, "users outside of any account are in account %q here; what is stored in the global account $G is not seen from there", schema.DefaultAccount)
	}
	auth.skip("timeout", "user", "username", "password", "pass", "users")
	auth.rest()
}
