package bootstrap

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

type (
	streamConfig      = jetstream.StreamConfig
	streamDeclaration = declaration[jetstream.StreamConfig]
)

// What the name of the stream of a bucket or of an object store begins with, for every client.
const (
	bucketPrefix      = "KV_"
	objectStorePrefix = "OBJ_"
)

// bucketSubjects are the subjects of the keys of a bucket.
func bucketSubjects(bucket string) string { return "$KV." + bucket + ".>" }

// declareBucket makes the stream that CreateKeyValue of nats.go v1.55.0 would make of the same settings, so that every
// KV client can bind to it, but for two things. AllowDirect is false unless it is declared, because a replica that is
// behind would answer gets. And a source with a filter maps what matches, where nats.go sends a filter beside a
// transform, which nats-server v2.15.2 refuses (10144).
//
// What the file leaves out gets the defaults of the KV client: one revision, no TTL, no limit, on disk.
func declareBucket(b *schema.Bucket, replicas int) streamDeclaration {
	subjects := []string{bucketSubjects(b.Name)}
	d := streamDeclaration{base: streamConfig{
		Name: bucketPrefix + b.Name, Subjects: subjects, MaxMsgsPerSubject: 1, MaxBytes: -1, MaxMsgSize: -1, MaxMsgs: -1,
		MaxConsumers: -1, Duplicates: duplicateWindow(0), Discard: jetstream.DiscardNew, AllowRollup: true, DenyDelete: true,
	}}
	belongs(&d, "bucket", &b.Name, subjects)
	describe(&d, &b.Description)
	monitored(&d, &b.Metadata, replicas, func(c *streamConfig) *map[string]string { return &c.Metadata })
	copies(&d, &b.Replicas, replicas)
	count(&d, "history", &b.History, func(c *streamConfig) *int64 { return &c.MaxMsgsPerSubject }).loses(subjectOverflows)
	age(&d, "ttl", &b.TTL)
	volume(&d, &b.MaxBytes)
	bytes(&d, "max_value_size", &b.MaxValueSize, func(c *streamConfig) *int32 { return &c.MaxMsgSize })
	marker(&d, "limit_marker_ttl", &b.LimitMarkerTTL)
	medium(&d, "bucket", &b.Storage, &b.Compression)
	flag(&d, "allow_direct", &b.AllowDirect, func(c *streamConfig) *bool { return &c.AllowDirect })
	republish(&d, &b.Republish)
	place(&d, b.Placement)
	mirror(&d, "bucket", &b.Mirror, bucketOrigin)
	sources(&d, &b.Sources, func(s *schema.StreamSource) *jetstream.StreamSource { return bucketSource(b.Name, s) })
	return d
}

// declareObjectStore makes the stream that CreateObjectStore of nats.go v1.55.0 would make, but that AllowDirect is false
// unless it is declared: GetInfo would not find what the same client has just put.
func declareObjectStore(o *schema.ObjectStore, replicas int) streamDeclaration {
	subjects := []string{"$O." + o.Name + ".C.>", "$O." + o.Name + ".M.>"}
	d := streamDeclaration{base: streamConfig{
		Name: objectStorePrefix + o.Name, Subjects: subjects, MaxBytes: -1, Discard: jetstream.DiscardNew, AllowRollup: true,
	}}
	belongs(&d, "object store", &o.Name, subjects)
	describe(&d, &o.Description)
	monitored(&d, &o.Metadata, replicas, func(c *streamConfig) *map[string]string { return &c.Metadata })
	copies(&d, &o.Replicas, replicas)
	age(&d, "ttl", &o.TTL)
	volume(&d, &o.MaxBytes)
	medium(&d, "object store", &o.Storage, &o.Compression)
	flag(&d, "allow_direct", &o.AllowDirect, func(c *streamConfig) *bool { return &c.AllowDirect })
	place(&d, o.Placement)
	return d
}

// declareStream leaves to nats-server what the file leaves out.
func declareStream(s *schema.Stream, replicas int) streamDeclaration {
	d := streamDeclaration{base: streamConfig{Name: s.Name}}
	flag(&d, "sealed", &s.Sealed, func(c *streamConfig) *bool { return &c.Sealed }).onlyOn()
	describe(&d, &s.Description)
	monitored(&d, &s.Metadata, replicas, func(c *streamConfig) *map[string]string { return &c.Metadata })
	if len(s.Subjects) > 0 {
		add(&d, "subjects", &s.Subjects, slices.Clone(s.Subjects), func(c *streamConfig) *[]string { return &c.Subjects }, quotedSet)
	}
	copies(&d, &s.Replicas, replicas)
	declareLimits(&d, s)
	declareRights(&d, s)
	medium(&d, "stream", &s.Storage, nil)
	choice(&d, "compression", &s.Compression, func(c *streamConfig) *jetstream.StoreCompression { return &c.Compression })
	choice(&d, "persist_mode", &s.PersistMode, func(c *streamConfig) *jetstream.PersistModeType { return &c.PersistMode }).
		never("declare a stream with another name and copy the messages")
	opt(&d, "first_seq", &s.FirstSeq, natural, func(c *streamConfig) *uint64 { return &c.FirstSeq }, fmtAny).
		never("the first sequence is set when a stream is created: leave it out")
	transform(&d, &s.SubjectTransform)
	republish(&d, &s.Republish)
	if l := s.ConsumerLimits; l != nil {
		span(&d, "consumer_limits.inactive_threshold", &l.InactiveThreshold,
			func(c *streamConfig) *time.Duration { return &c.ConsumerLimits.InactiveThreshold })
		opt(&d, "consumer_limits.max_ack_pending", &l.MaxAckPending, same,
			func(c *streamConfig) *int { return &c.ConsumerLimits.MaxAckPending }, unlimited)
	}
	place(&d, s.Placement)
	mirror(&d, "stream", &s.Mirror, origin)
	sources(&d, &s.Sources, origin)
	return d
}

// declareLimits declares what lets messages go.
func declareLimits(d *streamDeclaration, s *schema.Stream) {
	choice(d, "retention", &s.Retention, func(c *streamConfig) *jetstream.RetentionPolicy { return &c.Retention }).
		during(later).class = func(live *info[streamConfig], want *streamConfig) (Class, string) {
		switch {
		case live.config.Retention == jetstream.WorkQueuePolicy, want.Retention == jetstream.WorkQueuePolicy:
			return Immutable, "declare a stream with another name"
		case want.Retention == jetstream.InterestPolicy && live.values > 0:
			return LosesData, "allow_data_loss = true lets unibus delete what no consumer wants"
		}
		return Safe, ""
	}
	choice(d, "discard", &s.Discard, func(c *streamConfig) *jetstream.DiscardPolicy { return &c.Discard }).unless(sealed).
		loses(func(live *info[streamConfig], want *streamConfig) bool {
			return want.Discard == jetstream.DiscardOld && (want.MaxMsgs > 0 || want.MaxBytes > 0) && live.values > 0
		})
	flag(d, "discard_new_per_subject", &s.DiscardNewPerSubject, func(c *streamConfig) *bool { return &c.DiscardNewPerSubject }).
		loses(func(live *info[streamConfig], want *streamConfig) bool {
			return !want.DiscardNewPerSubject && live.values > 0
		})
	age(d, "max_age", &s.MaxAge)
	span(d, "duplicate_window", &s.DuplicateWindow, func(c *streamConfig) *time.Duration { return &c.Duplicates })
	count(d, "max_msgs", &s.MaxMsgs, func(c *streamConfig) *int64 { return &c.MaxMsgs }).
		loses(func(live *info[streamConfig], want *streamConfig) bool {
			return overflows(live.values, live.config.MaxMsgs, want.MaxMsgs, want)
		})
	count(d, "max_msgs_per_subject", &s.MaxMsgsPerSubject, func(c *streamConfig) *int64 { return &c.MaxMsgsPerSubject }).
		loses(subjectOverflows)
	volume(d, &s.MaxBytes)
	bytes(d, "max_msg_size", &s.MaxMsgSize, func(c *streamConfig) *int32 { return &c.MaxMsgSize })
	count(d, "max_consumers", &s.MaxConsumers, func(c *streamConfig) *int { return &c.MaxConsumers })
	marker(d, "subject_delete_marker_ttl", &s.SubjectDeleteMarkerTTL)
}

// declareRights declares what clients may do.
func declareRights(d *streamDeclaration, s *schema.Stream) {
	flag(d, "no_ack", &s.NoAck, func(c *streamConfig) *bool { return &c.NoAck })
	flag(d, "deny_delete", &s.DenyDelete, func(c *streamConfig) *bool { return &c.DenyDelete }).unless(sealed).onlyOn()
	flag(d, "deny_purge", &s.DenyPurge, func(c *streamConfig) *bool { return &c.DenyPurge }).unless(sealed).onlyOn()
	flag(d, "allow_rollup", &s.AllowRollup, func(c *streamConfig) *bool { return &c.AllowRollup }).unless(sealed)
	flag(d, "allow_direct", &s.AllowDirect, func(c *streamConfig) *bool { return &c.AllowDirect })
	flag(d, "mirror_direct", &s.MirrorDirect, func(c *streamConfig) *bool { return &c.MirrorDirect }).
		unless(func(c *streamConfig) bool { return c.Mirror == nil || c.Mirror.External == nil })
	flag(d, "allow_msg_ttl", &s.AllowMsgTTL, func(c *streamConfig) *bool { return &c.AllowMsgTTL }).onlyOn()
	flag(d, "allow_msg_counter", &s.AllowMsgCounter, func(c *streamConfig) *bool { return &c.AllowMsgCounter }).
		never("declare a stream with another name")
	flag(d, "allow_msg_schedules", &s.AllowMsgSchedules, func(c *streamConfig) *bool { return &c.AllowMsgSchedules }).onlyOn()
	flag(d, "allow_atomic_publish", &s.AllowAtomicPublish, func(c *streamConfig) *bool { return &c.AllowAtomicPublish })
	flag(d, "allow_batch_publish", &s.AllowBatchPublish, func(c *streamConfig) *bool { return &c.AllowBatchPublish })
}

// sealed tells what nats-server decides by itself: a sealed stream keeps all it has (nats-server v2.15.2,
// configUpdateCheck).
func sealed(c *streamConfig) bool { return c.Sealed }

// drops tells that a limit goes down; zero and less are none.
func drops[V ~int64](was, is V) bool { return is > 0 && (was <= 0 || is < was) }

// overflows tells that a stream has more than its new limit, and makes room for it: one that refuses new messages keeps
// what it has (nats-server v2.15.2, enforceMsgLimit and enforceBytesLimit).
func overflows(have uint64, was, is int64, want *streamConfig) bool {
	return drops(was, is) && have > uint64(is) && want.Discard == jetstream.DiscardOld
}

// subjectOverflows tells that one subject may have more messages than it shall.
func subjectOverflows(live *info[streamConfig], want *streamConfig) bool {
	most := live.values + 1 - min(max(live.subjects, 1), live.values+1)
	return drops(live.config.MaxMsgsPerSubject, want.MaxMsgsPerSubject) && most > uint64(want.MaxMsgsPerSubject)
}

// belongs makes sure that what has the asset's name is one: a stream that somebody else made is not touched.
func belongs(d *streamDeclaration, kind string, at *string, subjects []string) {
	add(d, "subjects", at, subjects, func(c *streamConfig) *[]string { return &c.Subjects }, quoted).
		unless(func(c *streamConfig) bool {
			return c.Mirror != nil || !slices.ContainsFunc(subjects, func(s string) bool { return !slices.Contains(c.Subjects, s) })
		}).
		never(fmt.Sprintf("stream %q is not of this %s: give the %s another name, or remove the stream", d.base.Name, kind, kind)).
		foreign = true
}

func describe(d *streamDeclaration, at **string) {
	opt(d, "description", at, same, func(c *streamConfig) *string { return &c.Description }, quote)
}

func copies(d *streamDeclaration, at *int, replicas int) {
	add(d, "replicas", at, replicas, func(c *streamConfig) *int { return &c.Replicas }, fmtAny).during(scaling)
}

// age carries the duplicate window along: nats-server refuses one that is longer than the age.
func age(d *streamDeclaration, field string, at **schema.Duration) {
	s := span(d, field, at, func(c *streamConfig) *time.Duration { return &c.MaxAge })
	if *at == nil {
		return
	}
	s.set = func(c *streamConfig) {
		was, is := c.MaxAge, (*at).Std()
		c.MaxAge = is
		if w := duplicateWindow(is); is != was && (c.Duplicates == duplicateWindow(was) || c.Duplicates > w) {
			c.Duplicates = w
		}
	}
	s.unless(sealed).loses(func(live *info[streamConfig], want *streamConfig) bool {
		return drops(live.config.MaxAge, want.MaxAge) && live.oldest > want.MaxAge
	})
}

// duplicateWindow is what KV clients ask for, and what nats-server v2.15.2 fills in: two minutes, but never more than
// the age.
func duplicateWindow(age time.Duration) time.Duration {
	if age > 0 {
		return min(age, 2*time.Minute)
	}
	return 2 * time.Minute
}

func volume(d *streamDeclaration, at **schema.Size) {
	bytes(d, "max_bytes", at, func(c *streamConfig) *int64 { return &c.MaxBytes }).
		loses(func(live *info[streamConfig], want *streamConfig) bool {
			return overflows(live.bytes, live.config.MaxBytes, want.MaxBytes, want)
		})
}

// marker turns on what markers need, as nats-server does by itself.
func marker(d *streamDeclaration, field string, at **schema.Duration) {
	s := span(d, field, at, func(c *streamConfig) *time.Duration { return &c.SubjectDeleteMarkerTTL })
	if set := s.set; set != nil {
		s.set = func(c *streamConfig) {
			set(c)
			c.AllowMsgTTL = c.AllowMsgTTL || c.SubjectDeleteMarkerTTL > 0
		}
	}
}

// medium is where and how an asset is stored. Buckets and object stores only say whether they are compressed.
func medium(d *streamDeclaration, kind string, storage **string, compressed **bool) {
	choice(d, "storage", storage, func(c *streamConfig) *jetstream.StorageType { return &c.Storage }).
		never(fmt.Sprintf("declare the %s under another name and copy what is in it, or remove this one and lose it", kind))
	if compressed != nil {
		opt(d, "compression", compressed, compression, func(c *streamConfig) *jetstream.StoreCompression { return &c.Compression },
			func(c jetstream.StoreCompression) string { return fmtAny(c == jetstream.S2Compression) })
	}
}

func compression(on bool) jetstream.StoreCompression {
	if on {
		return jetstream.S2Compression
	}
	return jetstream.NoCompression
}

// place moves the asset only when the set of tags or the cluster really changes: an update that only reorders tags would
// move it, too (nats-server v2.15.2).
func place(d *streamDeclaration, p *schema.Placement) {
	if p == nil {
		return
	}
	if p.Cluster != "" {
		d.settings = append(d.settings, &setting[streamConfig]{
			field: "placement.cluster", at: &p.Cluster,
			show: func(c *streamConfig) string { return quote(value(c.Placement).Cluster) },
			set: func(c *streamConfig) {
				c.Placement = &jetstream.Placement{Cluster: p.Cluster, Tags: value(c.Placement).Tags}
			},
		})
	}
	if len(p.Tags) > 0 {
		d.settings = append(d.settings, &setting[streamConfig]{
			field: "placement.tags", at: &p.Tags,
			show: func(c *streamConfig) string { return quotedSet(value(c.Placement).Tags) },
			set: func(c *streamConfig) {
				c.Placement = &jetstream.Placement{Cluster: value(c.Placement).Cluster, Tags: slices.Clone(p.Tags)}
			},
		})
	}
}

func transform(d *streamDeclaration, at **schema.SubjectTransform) {
	as := func(t schema.SubjectTransform) *jetstream.SubjectTransformConfig {
		return &jetstream.SubjectTransformConfig{Source: t.Source, Destination: t.Destination}
	}
	opt(d, "subject_transform", at, as, func(c *streamConfig) **jetstream.SubjectTransformConfig { return &c.SubjectTransform },
		func(t *jetstream.SubjectTransformConfig) string {
			if t == nil {
				return "none"
			}
			return fmt.Sprintf("%q → %q", t.Source, t.Destination)
		})
}

// republish fills in the filter that nats-server v2.15.2 puts in place of an empty one (checkStreamCfg).
func republish(d *streamDeclaration, at **schema.Republish) {
	as := func(r schema.Republish) *jetstream.RePublish {
		if r.Source == "" {
			r.Source = ">"
		}
		return &jetstream.RePublish{Source: r.Source, Destination: r.Destination, HeadersOnly: r.HeadersOnly}
	}
	opt(d, "republish", at, as, func(c *streamConfig) **jetstream.RePublish { return &c.RePublish },
		func(r *jetstream.RePublish) string {
			if r == nil {
				return "none"
			}
			return fmt.Sprintf("%q → %q (headers only: %t)", r.Source, r.Destination, r.HeadersOnly)
		})
}

func natural(n int) uint64 { return uint64(n) }
