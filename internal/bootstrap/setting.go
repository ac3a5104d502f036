package bootstrap

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// config is what nats-server keeps of an asset: buckets, object stores and streams are streams.
type config interface {
	jetstream.StreamConfig | jetstream.ConsumerConfig
}

// declaration is what the file says about one asset.
type declaration[C config] struct {
	base     C // what a new one is, whatever the file says
	settings []*setting[C]
}

// setting is one thing that the file says, and its place in a configuration.
type setting[C config] struct {
	field string          // its name in the file
	at    any             // the field of the schema
	show  func(*C) string // what a configuration says, in the notation of the file; what looks the same is the same
	set   func(*C)        // makes a configuration say what the file says
	// class is what changing a live asset into want does, with what to do where it cannot be done; nil is Safe.
	class func(live *info[C], want *C) (Class, string)
	step  step
	// foreign tells that what differs here is not the declared asset at all.
	foreign bool
}

// step is in which order settings are changed, each step in an update of its own.
type step int

const (
	together step = iota
	// later are changes that nats-server carries out in the background and refuses to combine with others.
	later
	// scaling is the number of replicas, which nats-server v2.15.2 refuses beside a placement (10123).
	scaling
)

// created is what a new asset gets, but for the replicas.
func (d declaration[C]) created() C {
	c := d.base
	for _, s := range d.settings {
		s.set(&c)
	}
	return c
}

// diff compares with a live configuration. It overlays only what is declared: want is live with every change that may be
// made, and changes are all differences, also those that may not. One that may not be made (Immutable, and LosesData
// unless allowLoss) leaves want as live is. With steps, only settings of those are compared.
func (d declaration[C]) diff(live *info[C], allowLoss bool, steps ...step) (want C, changes []Change) {
	want = live.config
	for _, s := range d.settings {
		if len(steps) > 0 && !slices.Contains(steps, s.step) {
			continue
		}
		next := want
		s.set(&next)
		c := Change{Field: s.field, Old: s.show(&want), New: s.show(&next), Class: Safe, At: s.at, foreign: s.foreign, step: s.step}
		if c.Old == c.New {
			continue
		}
		if s.class != nil {
			c.Class, c.Hint = s.class(live, &next)
		}
		changes = append(changes, c)
		if s.foreign {
			return live.config, changes[len(changes)-1:]
		}
		if c.mayBeMade(allowLoss) {
			want = next
		}
	}
	return want, changes
}

// add declares that the value at place is v.
func add[C config, V any](d *declaration[C], field string, at any, v V, place func(*C) *V, show func(V) string) *setting[C] {
	s := &setting[C]{
		field: field, at: at,
		show: func(c *C) string { return show(*place(c)) },
		set:  func(c *C) { *place(c) = v },
	}
	d.settings = append(d.settings, s)
	return s
}

// opt is add for what may be left out.
func opt[C config, D, V any](d *declaration[C], field string, at **D, as func(D) V, place func(*C) *V, show func(V) string) *setting[C] {
	if *at == nil {
		return &setting[C]{}
	}
	return add(d, field, at, as(**at), place, show)
}

// flag is opt for true and false.
func flag[C config](d *declaration[C], field string, at **bool, place func(*C) *bool) *setting[C] {
	return opt(d, field, at, same, place, fmtAny)
}

// choice is opt for one of some words, which are those of the JetStream API.
func choice[C config, V any](d *declaration[C], field string, at **string, place func(*C) *V) *setting[C] {
	return opt(d, field, at, word[V], place, wordOf)
}

// count is opt for a number where 0 is no limit.
func count[C config, V ~int | ~int32 | ~int64](d *declaration[C], field string, at **int, place func(*C) *V) *setting[C] {
	return opt(d, field, at, limit[int, V], place, unlimited)
}

// bytes is opt for a number of bytes where 0 is no limit.
func bytes[C config, V ~int | ~int32 | ~int64](d *declaration[C], field string, at **schema.Size, place func(*C) *V) *setting[C] {
	return opt(d, field, at, limit[schema.Size, V], place, size)
}

// span is opt for a length of time.
func span[C config](d *declaration[C], field string, at **schema.Duration, place func(*C) *time.Duration) *setting[C] {
	return opt(d, field, at, schema.Duration.Std, place, duration)
}

// labels declares metadata, one by one. Those that begin with "_nats." are nats-server's own.
func labels[C config](d *declaration[C], at *map[string]string, place func(*C) *map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(*at)) {
		if strings.HasPrefix(name, "_nats.") {
			continue
		}
		v := (*at)[name]
		d.settings = append(d.settings, &setting[C]{
			field: "metadata." + name, at: at,
			show: func(c *C) string { return quote((*place(c))[name]) },
			set: func(c *C) {
				all := maps.Clone(*place(c))
				if all == nil {
					all = map[string]string{}
				}
				all[name] = v
				*place(c) = all
			},
		})
	}
}

// peersExpected is what `nats server check stream` compares the number of replicas with when it is not told (jsm.go
// v0.5.1, monitor.StreamMonitorMetaPeerExpect). Without it, every replicated stream is critical there.
const peersExpected = "io.nats.monitor.peer-expect"

// monitored declares the metadata of the file, and tells stock tools in one more label how many replicas there are to
// be. An asset with more than one gets it at creation, and it is kept right: 0 is none but one. An asset without it,
// because somebody else has made it, and one that has it in the file, are left alone.
func monitored[C config](d *declaration[C], at *map[string]string, replicas int, place func(*C) *map[string]string) {
	labels(d, at, place)
	if _, declared := (*at)[peersExpected]; declared {
		return
	}
	want := "0"
	if replicas > 1 {
		want = strconv.Itoa(replicas)
		*place(&d.base) = map[string]string{peersExpected: want}
	}
	d.settings = append(d.settings, &setting[C]{
		field: "metadata." + peersExpected, at: at,
		show: func(c *C) string { return quote(cmp.Or((*place(c))[peersExpected], want)) },
		set: func(c *C) {
			if _, has := (*place(c))[peersExpected]; has {
				all := maps.Clone(*place(c))
				all[peersExpected] = want
				*place(c) = all
			}
		},
	})
}

// never says that the setting cannot be changed.
func (s *setting[C]) never(hint string) *setting[C] {
	s.class = func(*info[C], *C) (Class, string) { return Immutable, hint }
	return s
}

// onlyOn says that the setting can be turned on, but not off again.
func (s *setting[C]) onlyOn() *setting[C] {
	s.class = func(_ *info[C], want *C) (Class, string) {
		if s.show(want) == "false" {
			return Immutable, "nats-server does not take it back: declare " + s.field + " = true"
		}
		return Safe, ""
	}
	return s
}

// loses says when a change deletes what is stored.
func (s *setting[C]) loses(when func(live *info[C], want *C) bool) *setting[C] {
	s.class = func(live *info[C], want *C) (Class, string) {
		if when(live, want) {
			return LosesData, "allow_data_loss = true lets unibus delete what no longer fits"
		}
		return Safe, ""
	}
	return s
}

// during says in which step the setting is changed.
func (s *setting[C]) during(st step) *setting[C] {
	s.step = st
	return s
}

// unless leaves alone what nats-server decides in some configurations.
func (s *setting[C]) unless(decided func(*C) bool) *setting[C] {
	if set := s.set; set != nil {
		s.set = func(c *C) {
			if !decided(c) {
				set(c)
			}
		}
	}
	return s
}

func same[V any](v V) V { return v }

// limit is a declared limit as nats-server returns it.
func limit[D ~int | ~int64, V ~int | ~int32 | ~int64](n D) V {
	if n == 0 {
		return -1
	}
	return V(n)
}

// word is the value that a word stands for. The loader has checked the word; "none" is the zero value of those that the
// JetStream API writes as "".
func word[V any](text string) V {
	var v V
	_ = json.Unmarshal([]byte(quote(text)), &v)
	return v
}

func wordOf[V any](v V) string {
	text, err := json.Marshal(v)
	if err != nil { // a value that this nats.go does not know
		return fmt.Sprint(v)
	}
	return cmp.Or(strings.Trim(string(text), `"`), "none")
}

// moment is a time in RFC 3339, which the loader has checked.
func moment(text string) *time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil
	}
	t = t.UTC()
	return &t
}

func momentOf(t *time.Time) string {
	if t == nil {
		return "none"
	}
	return quote(t.UTC().Format(time.RFC3339Nano))
}

func fmtAny[T any](v T) string { return fmt.Sprint(v) }

func quote(s string) string { return fmt.Sprintf("%q", s) }

func quoted(all []string) string { return fmt.Sprintf("%q", all) }

func duration(d time.Duration) string { return schema.Duration(d).String() }

func size[T ~int | ~int32 | ~int64](n T) string {
	if n <= 0 {
		return "unlimited"
	}
	return schema.Size(n).String()
}

func unlimited[T ~int | ~int32 | ~int64](n T) string {
	if n <= 0 {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

// sorted is a list whose order means nothing.
func sorted(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }

func quotedSet(all []string) string { return quoted(sorted(all)) }

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
