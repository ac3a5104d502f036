package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"unibus/config/schema"
)

// assets are the assets that differ.
func assets(old, new *schema.Topology) []Asset {
	was, before := declared(old)
	is, after := declared(new)
	var out []Asset
	for _, k := range after {
		a := Asset{Kind: k.kind, Account: k.account, Stream: k.stream, Name: k.name, Class: None}
		if was[k].IsValid() {
			var within *schema.Stream
			if stream, ok := is[assetKey{k.account, "stream", "", k.stream}]; ok {
				within = stream.Interface().(*schema.Stream)
			}
			a.Changes = assetChanges(old, new, was[k], is[k], within)
		} else {
			a.Added = true
			a.Changes = []Change{{Attribute: k.kind, Class: Data, NewAt: is[k].Interface(), Effect: creation(new, is[k])}}
		}
		for _, c := range a.Changes {
			a.Class = worse(a.Class, c.Class)
		}
		if len(a.Changes) > 0 {
			out = append(out, a)
		}
	}
	for _, k := range before {
		if !is[k].IsValid() {
			out = append(out, Asset{Kind: k.kind, Account: k.account, Stream: k.stream, Name: k.name, Class: Live, Removed: true, Changes: []Change{{
				Attribute: k.kind, Class: Live, OldAt: was[k].Interface(), Effect: "is not managed any more; it and its data stay",
			}}})
		}
	}
	return out
}

// assetKey names an asset.
type assetKey struct{ account, kind, stream, name string }

// declared are the blocks of all assets, and their order in the file. Every kind of block that an account holds and whose
// change is one of data is an asset, and so are the consumers of a stream.
func declared(t *schema.Topology) (map[assetKey]reflect.Value, []assetKey) {
	all, order := map[assetKey]reflect.Value{}, []assetKey(nil)
	add := func(k assetKey, block reflect.Value) { all[k], order = block, append(order, k) }
	for _, a := range t.Accounts {
		contents := reflect.ValueOf(&a.Contents).Elem()
		for _, f := range visible(contents.Type()) {
			kind, _, _ := strings.Cut(f.Tag.Get("hcl"), ",")
			if f.Type.Kind() != reflect.Slice || classOf(f.Tag) != Data {
				continue
			}
			for i := range contents.FieldByIndex(f.Index).Len() {
				block := contents.FieldByIndex(f.Index).Index(i)
				name, _ := labelOf(block)
				add(assetKey{account: a.Name, kind: kind, name: name}, block)
				if s, ok := block.Interface().(*schema.Stream); ok {
					for _, c := range s.Consumers {
						add(assetKey{a.Name, "consumer", s.Name, c.Name}, reflect.ValueOf(c))
					}
				}
			}
		}
	}
	return all, order
}

// replicas is how many replicas an asset has; 0 is a consumer that follows its stream.
func replicas(t *schema.Topology, block reflect.Value) int {
	n := block.Elem().FieldByName("Replicas")
	switch {
	case n.Kind() == reflect.Pointer:
		return int(limit(n.Interface()))
	case n.Int() > 0:
		return int(n.Int())
	case len(t.DataNodes()) >= 3:
		return 3
	}
	return 1
}

// creation says what a new asset is. It may be there already: made by others, or left by an earlier file.
func creation(t *schema.Topology, block reflect.Value) string {
	if n := replicas(t, block); n > 0 {
		return fmt.Sprintf("is created with %d replicas, unless it exists", n)
	}
	return "is created, unless it exists"
}

// assetChanges are the changes of one asset, with what they mean for its data. Of a consumer, within is the stream.
func assetChanges(old, new *schema.Topology, was, is reflect.Value, within *schema.Stream) []Change {
	changes := fields(was.Elem(), is.Elem(), "")
	for i := range changes {
		effect(&changes[i], is.Interface(), within)
	}
	if is.Elem().FieldByName("Replicas").Kind() != reflect.Int {
		return changes
	}
	// Left out, the number of replicas follows from the nodes.
	changes = slices.DeleteFunc(changes, func(c Change) bool { return c.Attribute == "replicas" })
	if n, m := replicas(old, was), replicas(new, is); n != m {
		c := Change{Attribute: "replicas", Class: Data, Old: fmt.Sprint(n), New: fmt.Sprint(m), OldAt: place(was), NewAt: place(is), Effect: removesCopies}
		if m > n {
			c.Effect = "copies the data to more nodes"
		}
		changes = append(changes, c)
	}
	return changes
}

// removesCopies is the effect of fewer replicas.
const removesCopies = "removes copies"

// place is where an asset says how many replicas it has; where it does not, it is the asset itself.
func place(block reflect.Value) any {
	if n := block.Elem().FieldByName("Replicas"); n.Int() > 0 {
		return at(n)
	}
	return block.Interface()
}

// effect says what a change of an asset does to its data, and corrects its class where that depends on the values.
func effect(c *Change, block any, within *schema.Stream) {
	switch {
	case unwritten(c, block):
		c.Class, c.Effect = Live, "is not managed any more, and stays as it is"
	case c.Class == Refused || takenBack(c) || c.Attribute == "retention" && c.Old != "" && strings.Contains(c.Old+c.New, "workqueue"):
		c.Class, c.Effect = Refused, "cannot be changed: it stays as it is, and status says so"
	case losesData(c, block, within):
		c.LosesData = true
		c.Effect = "may delete what is stored; where it would, it waits for allow_data_loss = true"
		if reflect.ValueOf(block).Elem().FieldByName("AllowDataLoss").Bool() {
			c.Effect = "deletes what no longer fits"
		}
	case c.Attribute == "placement" || strings.HasPrefix(c.Attribute, "placement."):
		c.Effect = "may move replicas to other nodes"
	case c.Attribute == "sealed":
		c.Effect = "closes the stream for good"
	}
}

// unwritten tells that something is not in the file any more. What is not written is not managed.
func unwritten(c *Change, block any) bool {
	if c.NewAt == nil {
		sources := reflect.ValueOf(block).Elem().FieldByName("Sources")
		return !strings.HasPrefix(c.Attribute, "source ") || sources.Len() == 0 // of several, one less is a change
	}
	if text, plain := c.NewAt.(*string); plain {
		return *text == ""
	}
	return c.New == "" && c.Old != "" || c.New == "[]" || c.New == "{  }"
}

// takenBack tells that something is switched off which can only be switched on.
func takenBack(c *Change) bool {
	oneWay := []string{"sealed", "deny_delete", "deny_purge", "allow_msg_ttl", "allow_msg_schedules"}
	return slices.Contains(oneWay, c.Attribute) && c.Old == "true" && c.New == "false"
}

// losesData tells whether a change may delete what is stored. Whether it does depends on what that is. Buckets and object
// stores that are full refuse what is new, so their size deletes nothing.
func losesData(c *Change, block any, within *schema.Stream) bool {
	before, after := limit(c.OldAt), limit(c.NewAt)
	drops := after > 0 && (before == 0 || after < before)
	s, isStream := block.(*schema.Stream)
	switch c.Attribute {
	case "history": // left out, it is 1 where it was never set, and stays as it is where it was
		return after > 0 && after < before
	case "ttl", "max_age", "max_msgs_per_subject":
		return drops
	case "max_msgs", "max_bytes":
		return drops && isStream && word(s.Discard) != "new"
	case "retention":
		return c.New == `"interest"`
	case "discard":
		return c.New == `"old"` && (limit(s.MaxMsgs) > 0 || limit(s.MaxBytes) > 0)
	case "discard_new_per_subject":
		return c.New == "false"
	case "filter_subject", "filter_subjects":
		return within != nil && word(within.Retention) == "interest"
	}
	return false
}

// limit is the value of a number, 0 where there is none.
func limit(at any) int64 {
	v := reflect.ValueOf(at)
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return 0
		}
		v = v.Elem()
	}
	if v.CanInt() {
		return v.Int()
	}
	return 0
}

func word(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
