package plan

import (
	"reflect"
	"slices"
	"strings"

	"unibus/config/schema"
)

// LivePart is the new topology with everything taken back that the named node could only take up by a restart: what a
// running server can be reloaded with. It shares nothing with its arguments.
func LivePart(running, new *schema.Topology, node string) *schema.Topology {
	t := clone(reflect.ValueOf(new)).Interface().(*schema.Topology)
	keep(reflect.ValueOf(running).Elem(), reflect.ValueOf(t).Elem())
	if running.Supercluster() != t.Supercluster() {
		t.Name = running.Name
	}
	keepAccounts(running, t)
	keepClusters(running, t, node)
	dropElsewhere(t)
	return t
}

// keepAccounts takes back added and removed accounts. In nats-server v2.15.2 an account that comes or goes by a reload
// loses interest or its JetStream API (nats-io/nats-server#8560).
func keepAccounts(running, t *schema.Topology) {
	var accounts []*schema.Account
	for _, was := range running.Accounts {
		is := t.Account(was.Name)
		if is == nil {
			accounts = append(accounts, clone(reflect.ValueOf(was)).Interface().(*schema.Account))
			continue
		}
		keep(reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem())
		accounts = append(accounts, is)
	}
	if added := t.Account(schema.DefaultAccount); added != nil && running.Account(schema.DefaultAccount) == nil {
		accounts = append(accounts, added) // it runs already, written or not
	}
	if !sameAccounts(running, t) { // what crosses between accounts may name one that does not run, or count on its exports
		for _, a := range accounts {
			was := &schema.Account{}
			if r := running.Account(a.Name); r != nil {
				was = clone(reflect.ValueOf(r)).Interface().(*schema.Account)
			}
			a.Exports, a.Imports = was.Exports, was.Imports
		}
	}
	t.Accounts = accounts
}

// sameAccounts tells whether two topologies have the same accounts, not counting DefaultAccount, which is always there.
func sameAccounts(a, b *schema.Topology) bool {
	within := func(a, b *schema.Topology) bool {
		return !slices.ContainsFunc(a.Accounts, func(x *schema.Account) bool {
			return x.Name != schema.DefaultAccount && b.Account(x.Name) == nil
		})
	}
	return within(a, b) && within(b, a)
}

// keepClusters takes back what of the node itself needs a restart, and all that concerns other clusters: their addresses
// are those of gateways.
func keepClusters(running, t *schema.Topology, node string) {
	own, was := running.Node(node)
	_, is := t.Node(node)
	if was == nil || is == nil {
		return
	}
	keep(reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem())
	clusters := make([]*schema.Cluster, len(running.Clusters))
	for i, c := range running.Clusters {
		if c == own {
			clusters[i], _ = t.Node(node)
			keep(reflect.ValueOf(c).Elem(), reflect.ValueOf(clusters[i]).Elem())
			continue
		}
		clusters[i] = clone(reflect.ValueOf(c)).Interface().(*schema.Cluster)
	}
	t.Clusters = clusters
}

// keep takes back the values of a struct that need a restart.
func keep(was, is reflect.Value) {
	for _, f := range visible(is.Type()) {
		name, kind, _ := strings.Cut(f.Tag.Get("hcl"), ",")
		if name == "" || kind == "label" {
			continue
		}
		a, b := was.FieldByIndex(f.Index), is.FieldByIndex(f.Index)
		class := classOf(f.Tag)
		switch {
		case kind == "block" && f.Type.Kind() == reflect.Slice: // comes and goes as a set
		case kind == "block" && f.Type.Kind() == reflect.Struct:
			keep(a, b)
		case kind == "block" && f.Type.Kind() == reflect.Pointer && class == Live && !a.IsNil() && !b.IsNil():
			keep(a.Elem(), b.Elem())
		case class == Restart || class == Refused || lowered(name, a, b):
			b.Set(clone(a))
		}
	}
}

// clone copies a value of the schema in depth.
func clone(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(clone(v.Elem()))
		return p
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			s.Index(i).Set(clone(v.Index(i)))
		}
		return s
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		m := reflect.MakeMapWithSize(v.Type(), v.Len())
		for it := v.MapRange(); it.Next(); {
			m.SetMapIndex(it.Key(), it.Value())
		}
		return m
	case reflect.Struct:
		s := reflect.New(v.Type()).Elem()
		s.Set(v)
		if _, plain := v.Interface().(schema.Secret); plain {
			return s
		}
		for i := range v.NumField() {
			s.Field(i).Set(clone(v.Field(i)))
		}
		return s
	}
	return v
}
