package bootstrap

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// mirror cannot be changed, and is only removed by people.
func mirror(d *streamDeclaration, kind string, at **schema.StreamSource, as func(*schema.StreamSource) *jetstream.StreamSource) {
	if *at == nil {
		return
	}
	declared := as(*at)
	d.settings = append(d.settings, &setting[streamConfig]{
		field: "mirror", at: at,
		show: func(c *streamConfig) string { return sourceText(c.Mirror, declared) },
		set: func(c *streamConfig) {
			c.Mirror, c.MirrorDirect, c.Subjects = retain(c.Mirror, declared), c.MirrorDirect || kind == "bucket", nil
		},
	})
	d.settings[len(d.settings)-1].never(fmt.Sprintf("a mirror is set when a %s is created: declare one with another name", kind))
}

// sources are compared without their order, which nats-server does not keep.
func sources(d *streamDeclaration, at *[]*schema.StreamSource, as func(*schema.StreamSource) *jetstream.StreamSource) {
	if len(*at) == 0 {
		return
	}
	var declared []*jetstream.StreamSource
	for _, s := range *at {
		declared = append(declared, as(s))
	}
	d.settings = append(d.settings, &setting[streamConfig]{
		field: "source", at: at,
		show: func(c *streamConfig) string {
			var all []string
			for _, s := range c.Sources {
				all = append(all, sourceText(s, like(s, declared)))
			}
			return strings.Join(sorted(all), " ")
		},
		set: func(c *streamConfig) {
			all := make([]*jetstream.StreamSource, len(declared))
			for i, s := range declared {
				all[i] = retain(like(s, c.Sources), s)
			}
			c.Sources = all
		},
	})
}

// like is the source among all that copies the same, or nil.
func like(s *jetstream.StreamSource, all []*jetstream.StreamSource) *jetstream.StreamSource {
	i := slices.IndexFunc(all, func(o *jetstream.StreamSource) bool { return sourceText(o, nil) == sourceText(s, nil) })
	if i < 0 {
		return nil
	}
	return all[i]
}

// retain is the declared source with the consumer that a live one has, where none is declared.
func retain(live, declared *jetstream.StreamSource) *jetstream.StreamSource {
	if live == nil || declared.Consumer != nil || sourceText(live, nil) != sourceText(declared, nil) {
		return declared
	}
	return live
}

// sourceText is a source in one comparable line, with its consumer only where one is declared.
func sourceText(s, declared *jetstream.StreamSource) string {
	if s == nil {
		return "none"
	}
	plain := *s
	if declared == nil || declared.Consumer == nil {
		plain.Consumer = nil
	}
	if plain.OptStartTime != nil {
		t := plain.OptStartTime.UTC()
		plain.OptStartTime = &t
	}
	text, err := json.Marshal(plain)
	if err != nil { // No value of a source fails to encode.
		return err.Error()
	}
	return string(text)
}

// origin is where a stream copies from. The domain is written as the API prefix that it stands for, because nats-server
// never returns a domain.
func origin(src *schema.StreamSource) *jetstream.StreamSource {
	s := &jetstream.StreamSource{Name: src.Name, FilterSubject: src.FilterSubject}
	if src.StartSeq != nil {
		s.OptStartSeq = uint64(*src.StartSeq)
	}
	if src.StartTime != nil {
		s.OptStartTime = moment(*src.StartTime)
	}
	switch {
	case src.External != nil:
		s.External = &jetstream.ExternalStream{APIPrefix: src.External.APIPrefix, DeliverPrefix: src.External.DeliverPrefix}
	case src.Domain != "":
		s.External = &jetstream.ExternalStream{APIPrefix: "$JS." + src.Domain + ".API"}
	}
	for _, t := range src.SubjectTransforms {
		s.SubjectTransforms = append(s.SubjectTransforms, jetstream.SubjectTransformConfig{Source: t.Source, Destination: t.Destination})
	}
	if c := src.Consumer; c != nil {
		s.Consumer = &jetstream.StreamConsumerSource{Name: c.Name, DeliverSubject: c.DeliverSubject}
	}
	return s
}

// bucketOrigin is the bucket that a bucket copies from.
func bucketOrigin(src *schema.StreamSource) *jetstream.StreamSource {
	s := origin(src)
	s.Name = bucketPrefix + strings.TrimPrefix(src.Name, bucketPrefix)
	return s
}

// bucketSource maps the keys of the origin to the keys of bucket, but for a bucket of the same name behind another API,
// whose subjects are right already. With transforms of its own it is taken as it is, as nats.go does.
func bucketSource(bucket string, src *schema.StreamSource) *jetstream.StreamSource {
	if len(src.SubjectTransforms) > 0 {
		return origin(src)
	}
	s := bucketOrigin(src)
	from := strings.TrimPrefix(src.Name, bucketPrefix)
	if src.External != nil && from == bucket {
		return s
	}
	match := cmp.Or(src.FilterSubject, bucketSubjects(from))
	s.FilterSubject = ""
	s.SubjectTransforms = []jetstream.SubjectTransformConfig{{Source: match, Destination: remap(match, from, bucket)}}
	return s
}

// remap is where the keys that match go in the bucket that copies them. Wildcards are repeated in the notation that
// nats-server demands on the right side of a transform.
func remap(match, from, to string) string {
	tokens := strings.Split(match, ".")
	wildcards := 0
	for i, token := range tokens {
		switch {
		case i == 1 && token == from:
			tokens[i] = to
		case token == "*":
			wildcards++
			tokens[i] = fmt.Sprintf("{{wildcard(%d)}}", wildcards)
		}
	}
	return strings.Join(tokens, ".")
}
