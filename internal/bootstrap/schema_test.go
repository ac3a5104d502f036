package bootstrap

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// TestSchemaHasEveryField fails when nats.go has grown a setting that the language does not know, or has lost one.
func TestSchemaHasEveryField(t *testing.T) {
	own := []string{"AllowDataLoss"}
	tests := []struct {
		ours, theirs reflect.Type
		names        map[string]string // ours for theirs, where they differ
		left         map[string]string // theirs that cannot be declared, and why
		own          []string          // ours that they do not have
	}{
		{
			ours: reflect.TypeFor[schema.Stream](), theirs: reflect.TypeFor[jetstream.StreamConfig](),
			names: map[string]string{"Duplicates": "DuplicateWindow", "RePublish": "Republish"},
			left:  map[string]string{"Template": "nats-server does not support templates any more"},
			own:   append(own, "Consumers"),
		},
		{
			ours: reflect.TypeFor[schema.Bucket](), theirs: reflect.TypeFor[jetstream.KeyValueConfig](),
			names: map[string]string{"Bucket": "Name", "RePublish": "Republish"}, own: append(own, "AllowDirect"),
		},
		{
			ours: reflect.TypeFor[schema.ObjectStore](), theirs: reflect.TypeFor[jetstream.ObjectStoreConfig](),
			names: map[string]string{"Bucket": "Name"}, own: append(own, "AllowDirect"),
		},
		{
			ours: reflect.TypeFor[schema.Consumer](), theirs: reflect.TypeFor[jetstream.ConsumerConfig](),
			names: map[string]string{"OptStartSeq": "StartSeq", "OptStartTime": "StartTime", "BackOff": "Backoff"},
			left:  map[string]string{"Durable": "declared consumers are durable, under the name of the block"},
			own:   own,
		},
		{
			ours: reflect.TypeFor[schema.StreamSource](), theirs: reflect.TypeFor[jetstream.StreamSource](),
			names: map[string]string{"OptStartSeq": "StartSeq", "OptStartTime": "StartTime"},
		},
		{ours: reflect.TypeFor[schema.SourceConsumer](), theirs: reflect.TypeFor[jetstream.StreamConsumerSource]()},
		{ours: reflect.TypeFor[schema.External](), theirs: reflect.TypeFor[jetstream.ExternalStream]()},
		{ours: reflect.TypeFor[schema.Placement](), theirs: reflect.TypeFor[jetstream.Placement]()},
		{ours: reflect.TypeFor[schema.Republish](), theirs: reflect.TypeFor[jetstream.RePublish]()},
		{ours: reflect.TypeFor[schema.SubjectTransform](), theirs: reflect.TypeFor[jetstream.SubjectTransformConfig]()},
		{ours: reflect.TypeFor[schema.ConsumerLimits](), theirs: reflect.TypeFor[jetstream.StreamConsumerLimits]()},
	}
	for _, tt := range tests {
		t.Run(tt.theirs.Name(), func(t *testing.T) {
			ours := fieldNames(tt.ours)
			for _, name := range fieldNames(tt.theirs) {
				if _, left := tt.left[name]; left {
					delete(tt.left, name)
					continue
				}
				if n := tt.names[name]; n != "" {
					name = n
				}
				i := slices.Index(ours, name)
				if i < 0 {
					t.Errorf("schema.%s has no %s", tt.ours.Name(), name)
					continue
				}
				ours = slices.Delete(ours, i, i+1)
			}
			if d := slices.DeleteFunc(ours, func(n string) bool { return slices.Contains(tt.own, n) }); len(d) > 0 {
				t.Errorf("nats.go does not know %v", d)
			}
			if gone := slices.Collect(maps.Keys(tt.left)); len(gone) > 0 {
				t.Errorf("nats.go has no %v any more", gone)
			}
		})
	}
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Name)
	}
	return names
}

// TestWordsAreThoseOfNATS makes sure that every word that can be chosen is one that nats.go turns into a value.
func TestWordsAreThoseOfNATS(t *testing.T) {
	for _, ours := range []reflect.Type{reflect.TypeFor[schema.Stream](), reflect.TypeFor[schema.Consumer]()} {
		theirs := reflect.TypeFor[jetstream.StreamConfig]()
		if ours == reflect.TypeFor[schema.Consumer]() {
			theirs = reflect.TypeFor[jetstream.ConsumerConfig]()
		}
		for i := range ours.NumField() {
			f := ours.Field(i)
			words := strings.Fields(f.Tag.Get("oneof"))
			field, ok := theirs.FieldByName(f.Name)
			if len(words) == 0 || !ok {
				continue
			}
			seen := map[any]bool{}
			for _, word := range words {
				v := reflect.New(field.Type)
				if err := v.Interface().(interface{ UnmarshalJSON([]byte) error }).UnmarshalJSON([]byte(quote(word))); err != nil && word != "none" {
					t.Errorf("%s.%s: %v", ours.Name(), f.Name, err)
				}
				seen[v.Elem().Interface()] = true
			}
			if len(seen) != len(words) {
				t.Errorf("%s.%s: %d values for %v", ours.Name(), f.Name, len(seen), words)
			}
		}
	}
}
