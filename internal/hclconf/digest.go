package hclconf

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"reflect"
	"slices"

	"unibus/config/schema"
)

// digest hashes what a topology means: every value that is not the default. Blocks with labels are taken in the order of their labels. A secret counts with a
// fingerprint of its value where every host knows it; one that belongs to a single host, such as a store's key from
// file("…/${node.name}"), counts only as set, so that all hosts get the same digest.
//
// With partial, the value of some secret is not known here.
func digest(t *schema.Topology) (sum string, partial bool) {
	h := sha256.New()
	d := digester{h, []byte("unibus digest 1 " + t.Title()), hostSecrets(t), &partial}
	d.value(reflect.ValueOf(t).Elem())
	return hex.EncodeToString(h.Sum(nil)), partial
}

type digester struct {
	hash.Hash
	salt   []byte
	hidden bool // some node's own secrets are not known here

	partial *bool // set by the first secret whose value does not count
}

// hostSecrets tells whether a secret in the settings of any node is unknown here.
func hostSecrets(t *schema.Topology) bool {
	return slices.ContainsFunc(t.Nodes(), func(n *schema.Node) bool {
		e := n.JetStream.Encryption
		return e != nil && !e.Key.IsKnown()
	})
}

func (d digester) value(v reflect.Value) {
	switch x := v.Interface().(type) {
	case schema.Secret:
		d.secret(x)
		return
	case map[string]string:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			fmt.Fprintf(d, "%q=%q,", k, x[k])
		}
		return
	case []string:
		fmt.Fprintf(d, "%q", x)
		return
	case schema.Encryption:
		if d.hidden {
			x.Key = schema.UnknownSecret()
			v = reflect.ValueOf(x)
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			fmt.Fprint(d, "nil;")
			return
		}
		d.value(v.Elem())
	case reflect.Slice:
		for _, e := range byLabel(v) {
			d.value(e)
		}
	case reflect.Struct:
		fmt.Fprint(d, v.Type().Name(), "{")
		spec := specOf(v.Type())
		for _, f := range spec.visible {
			x := v.FieldByIndex(f.Index)
			if f.Anonymous || f.Name == "Secrets" || isDefault(x, spec.proto.FieldByIndex(f.Index)) { // a secret counts where it is used
				continue
			}
			fmt.Fprint(d, f.Name, ":")
			d.value(x)
		}
		fmt.Fprint(d, "}")
	default:
		fmt.Fprintf(d, "%#v;", v.Interface())
	}
}

// isDefault tells whether a value is its default. Such a value does not count, so that a language which grows leaves the
// digests of old files alone: two versions of unibus agree while a cluster is upgraded.
func isDefault(x, def reflect.Value) bool {
	if k := x.Kind(); (k == reflect.Slice || k == reflect.Map) && x.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(x.Interface(), def.Interface())
}

func (d digester) secret(s schema.Secret) {
	switch {
	case !s.IsSet():
		fmt.Fprint(d, "unset;")
	case !s.IsKnown():
		*d.partial = true
		fmt.Fprint(d, "set;")
	default:
		mac := hmac.New(sha256.New, d.salt)
		mac.Write([]byte(s.Reveal()))
		fmt.Fprintf(d, "%x;", mac.Sum(nil))
	}
}

// byLabel are the blocks of a slice in the order of their labels, or in the order of the file where they have none.
func byLabel(v reflect.Value) []reflect.Value {
	all := make([]reflect.Value, v.Len())
	for i := range all {
		all[i] = v.Index(i)
	}
	s := specOf(structOf(v.Type()))
	if s.label != nil {
		label := func(v reflect.Value) string { return v.Elem().FieldByIndex(s.label).String() }
		slices.SortStableFunc(all, func(a, b reflect.Value) int { return cmp.Compare(label(a), label(b)) })
	}
	return all
}
