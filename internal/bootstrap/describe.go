package bootstrap

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

// Describe declares what is there: every stream of an account, as the bucket or object store that it is, with its durable
// consumers. Declared, it changes nothing. What a declaration cannot say is told in the notes, in sentences without a
// period. What nats-server would make of nothing is left out.
func Describe(ctx context.Context, js jetstream.JetStream) (schema.Contents, []string, error) {
	var all schema.Contents
	var notes []string
	streams, err := allStreams(ctx, js)
	if err != nil {
		return all, nil, err
	}
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if streams[name] == nil {
			notes = append(notes, fmt.Sprintf("stream %q did not answer and is left out", name))
		}
	}
	if err := names.Err(); err != nil {
		return all, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(streams)) {
		c := streams[name].config
		switch kind, short := KindOf(name); {
		case kind == "bucket" && isBucket(&c, short):
			b := describeBucket(&c, short)
			all.Buckets = append(all.Buckets, b)
			notes = append(notes, unsaid(kind, short, &c, declareBucket(b, b.Replicas).created())...)
		case kind == "object_store" && len(c.Subjects) == 2 && c.Mirror == nil && len(c.Sources) == 0:
			o := describeObjectStore(&c, short)
			all.ObjectStores = append(all.ObjectStores, o)
			notes = append(notes, unsaid(kind, short, &c, declareObjectStore(o, o.Replicas).created())...)
		default:
			s := describeStream(&c)
			all.Streams = append(all.Streams, s)
			more, err := describeConsumers(ctx, js, s)
			if err != nil {
				return all, nil, err
			}
			notes = append(notes, more...)
		}
	}
	return all, notes, nil
}

// isBucket tells whether a stream with the name of a bucket is one.
func isBucket(c *streamConfig, bucket string) bool {
	return c.Mirror != nil || slices.Equal(c.Subjects, []string{bucketSubjects(bucket)})
}

func describeBucket(c *streamConfig, name string) *schema.Bucket {
	b := &schema.Bucket{
		Name: name, Description: text(c.Description), Replicas: c.Replicas, TTL: period(c.MaxAge), MaxBytes: bytesOf(c.MaxBytes),
		MaxValueSize: bytesOf(int64(c.MaxMsgSize)), Storage: stored(c), LimitMarkerTTL: period(c.SubjectDeleteMarkerTTL),
		Metadata: own(c.Metadata), AllowDirect: yes(c.AllowDirect), Placement: placed(c), Republish: republished(c),
	}
	if c.MaxMsgsPerSubject > 1 {
		b.History = number(c.MaxMsgsPerSubject)
	}
	b.Compression = yes(c.Compression == jetstream.S2Compression)
	if m := c.Mirror; m != nil {
		b.Mirror = from(m)
		b.Mirror.Name = strings.TrimPrefix(m.Name, bucketPrefix)
		b.AllowDirect = nil
		if c.AllowDirect {
			b.AllowDirect = yes(true)
		}
	}
	for _, s := range c.Sources {
		b.Sources = append(b.Sources, bucketSourceOf(name, s))
	}
	return b
}

// bucketSourceOf is the shortest declaration of a source of a bucket.
func bucketSourceOf(bucket string, live *jetstream.StreamSource) *schema.StreamSource {
	plain := from(live)
	plain.Name, plain.SubjectTransforms = strings.TrimPrefix(live.Name, bucketPrefix), nil
	filtered := *plain
	if len(live.SubjectTransforms) == 1 {
		filtered.FilterSubject = live.SubjectTransforms[0].Source
	}
	for _, s := range []*schema.StreamSource{plain, &filtered} {
		if sourceText(bucketSource(bucket, s), nil) == sourceText(live, nil) {
			return s
		}
	}
	return from(live)
}

func describeObjectStore(c *streamConfig, name string) *schema.ObjectStore {
	return &schema.ObjectStore{
		Name: name, Description: text(c.Description), Replicas: c.Replicas, TTL: period(c.MaxAge), MaxBytes: bytesOf(c.MaxBytes),
		Storage: stored(c), Compression: yes(c.Compression == jetstream.S2Compression), Metadata: own(c.Metadata),
		AllowDirect: yes(c.AllowDirect), Placement: placed(c),
	}
}

func describeStream(c *streamConfig) *schema.Stream {
	s := &schema.Stream{
		Name: c.Name, Description: text(c.Description), Subjects: c.Subjects, Replicas: c.Replicas,
		Retention: unlike(c.Retention, jetstream.LimitsPolicy), Discard: unlike(c.Discard, jetstream.DiscardOld),
		DiscardNewPerSubject: yes(c.DiscardNewPerSubject), MaxAge: period(c.MaxAge), MaxMsgs: number(c.MaxMsgs),
		MaxMsgsPerSubject: number(c.MaxMsgsPerSubject), MaxBytes: bytesOf(c.MaxBytes), MaxMsgSize: bytesOf(int64(c.MaxMsgSize)),
		MaxConsumers: number(int64(c.MaxConsumers)), Storage: stored(c), Compression: unlike(c.Compression, jetstream.NoCompression),
		PersistMode: unlike(c.PersistMode, jetstream.DefaultPersistMode), NoAck: yes(c.NoAck), Sealed: yes(c.Sealed),
		DenyDelete: yes(c.DenyDelete), DenyPurge: yes(c.DenyPurge), AllowRollup: yes(c.AllowRollup), AllowDirect: yes(c.AllowDirect),
		AllowMsgTTL: yes(c.AllowMsgTTL), SubjectDeleteMarkerTTL: period(c.SubjectDeleteMarkerTTL),
		AllowMsgCounter: yes(c.AllowMsgCounter), AllowMsgSchedules: yes(c.AllowMsgSchedules),
		AllowAtomicPublish: yes(c.AllowAtomicPublish), AllowBatchPublish: yes(c.AllowBatchPublish), Metadata: own(c.Metadata),
		Placement: placed(c), Republish: republished(c),
	}
	if c.Duplicates != duplicateWindow(c.MaxAge) && c.Mirror == nil {
		s.DuplicateWindow = period(c.Duplicates)
	}
	if c.FirstSeq > 1 {
		s.FirstSeq = number(int64(c.FirstSeq))
	}
	if t := c.SubjectTransform; t != nil {
		s.SubjectTransform = &schema.SubjectTransform{Source: t.Source, Destination: t.Destination}
	}
	if l := c.ConsumerLimits; l.InactiveThreshold > 0 || l.MaxAckPending > 0 {
		s.ConsumerLimits = &schema.ConsumerLimits{InactiveThreshold: period(l.InactiveThreshold), MaxAckPending: number(int64(l.MaxAckPending))}
	}
	if c.Mirror != nil {
		s.Mirror = from(c.Mirror)
		if c.Mirror.External != nil {
			s.MirrorDirect = yes(c.MirrorDirect)
		}
	}
	for _, source := range c.Sources {
		s.Sources = append(s.Sources, from(source))
	}
	return s
}

// describeConsumers adds the durable consumers of a stream. Others belong to the clients that made them.
func describeConsumers(ctx context.Context, js jetstream.JetStream, s *schema.Stream) (notes []string, err error) {
	all, err := allConsumers(ctx, js, s.Name)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name].config
		if c.Durable == "" {
			notes = append(notes, fmt.Sprintf("consumer %q of stream %q is not durable and is left out", name, s.Name))
			continue
		}
		s.Consumers = append(s.Consumers, describeConsumer(&c, s.Replicas))
	}
	return notes, nil
}

// What nats-server v2.15.2 fills in (setConsumerConfigDefaults).
const (
	defaultAckWait       = 30 * time.Second
	defaultMaxAckPending = 1000
	defaultMaxWaiting    = 512
)

func describeConsumer(c *consumerConfig, replicas int) *schema.Consumer {
	d := &schema.Consumer{
		Name: c.Durable, Description: text(c.Description), DeliverPolicy: unlike(c.DeliverPolicy, jetstream.DeliverAllPolicy),
		StartSeq: number(int64(c.OptStartSeq)), StartTime: instant(c.OptStartTime), AckPolicy: unlike(c.AckPolicy, jetstream.AckExplicitPolicy),
		MaxDeliver: number(int64(c.MaxDeliver)), FilterSubject: text(c.FilterSubject),
		FilterSubjects: c.FilterSubjects, ReplayPolicy: unlike(c.ReplayPolicy, jetstream.ReplayInstantPolicy), HeadersOnly: yes(c.HeadersOnly),
		SampleFrequency: text(c.SampleFrequency), MemoryStorage: yes(c.MemoryStorage), InactiveThreshold: period(c.InactiveThreshold),
		PauseUntil: instant(c.PauseUntil), MaxRequestBatch: number(int64(c.MaxRequestBatch)), MaxRequestExpires: period(c.MaxRequestExpires),
		MaxRequestMaxBytes: bytesOf(int64(c.MaxRequestMaxBytes)), PriorityPolicy: unlike(c.PriorityPolicy, jetstream.PriorityPolicyNone),
		PriorityGroups: c.PriorityGroups, PinnedTTL: period(c.PinnedTTL), DeliverSubject: text(c.DeliverSubject),
		DeliverGroup: text(c.DeliverGroup), RateLimit: number(int64(c.RateLimit)), FlowControl: yes(c.FlowControl),
		IdleHeartbeat: period(c.IdleHeartbeat), Metadata: own(c.Metadata),
	}
	if c.MaxAckPending != defaultMaxAckPending {
		d.MaxAckPending = pointer(max(0, c.MaxAckPending))
	}
	if len(c.BackOff) == 0 && c.AckWait != defaultAckWait {
		d.AckWait = period(c.AckWait)
	}
	for _, wait := range c.BackOff {
		d.Backoff = append(d.Backoff, schema.Duration(wait).String())
	}
	if c.DeliverSubject == "" && c.MaxWaiting != defaultMaxWaiting {
		d.MaxWaiting = number(int64(c.MaxWaiting))
	}
	if c.AckPolicy == jetstream.AckNonePolicy {
		d.MaxAckPending, d.AckWait = nil, nil
	}
	if c.Replicas > 0 && c.Replicas != replicas {
		d.Replicas = &c.Replicas
	}
	return d
}

// from is where a stream copies from.
func from(s *jetstream.StreamSource) *schema.StreamSource {
	src := &schema.StreamSource{
		Name: s.Name, StartSeq: number(int64(s.OptStartSeq)), StartTime: instant(s.OptStartTime), FilterSubject: s.FilterSubject,
	}
	if e := s.External; e != nil {
		src.External = &schema.External{APIPrefix: e.APIPrefix, DeliverPrefix: e.DeliverPrefix}
	}
	for _, t := range s.SubjectTransforms {
		src.SubjectTransforms = append(src.SubjectTransforms, &schema.SubjectTransform{Source: t.Source, Destination: t.Destination})
	}
	if c := s.Consumer; c != nil && c.Name != "" && c.DeliverSubject != "" {
		src.Consumer = &schema.SourceConsumer{Name: c.Name, DeliverSubject: c.DeliverSubject}
	}
	return src
}

// unsaid are the settings of a live bucket or object store for which its block has no word. They are left as they are.
func unsaid(kind, name string, live *streamConfig, declared streamConfig) []string {
	was, is := plainConfig(*live), plainConfig(declared)
	var keys []string
	for key := range was {
		if !reflect.DeepEqual(was[key], is[key]) {
			keys = append(keys, key)
		}
	}
	for key := range is {
		if _, there := was[key]; !there {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	return []string{fmt.Sprintf("%s %q has %s of its own, for which the file has no word; it stays as it is",
		strings.ReplaceAll(kind, "_", " "), name, strings.Join(keys, ", "))}
}

// plainConfig is a configuration without what stands for nothing and what nats-server fills in.
func plainConfig(c streamConfig) map[string]any {
	c.Metadata = own(c.Metadata)
	b, err := json.Marshal(c)
	all := map[string]any{}
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil { // no configuration fails to encode
		return nil
	}
	delete(all, "duplicate_window")
	delete(all, "mirror_direct")
	maps.DeleteFunc(all, func(_ string, v any) bool {
		return v == nil || v == 0. || v == -1. || v == false || v == "" || v == "none" || reflect.DeepEqual(v, map[string]any{})
	})
	return all
}

func pointer[T any](v T) *T { return &v }

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func yes(is bool) *bool {
	if !is {
		return nil
	}
	return &is
}

// number is a limit; zero and less are none.
func number(n int64) *int {
	if n <= 0 {
		return nil
	}
	return pointer(int(n))
}

func bytesOf(n int64) *schema.Size {
	if n <= 0 {
		return nil
	}
	return pointer(schema.Size(n))
}

func period(d time.Duration) *schema.Duration {
	if d <= 0 {
		return nil
	}
	return pointer(schema.Duration(d))
}

func instant(t *time.Time) *string {
	if t == nil || t.IsZero() {
		return nil
	}
	return pointer(t.UTC().Format(time.RFC3339Nano))
}

// unlike is the word for a choice that is not the usual one.
func unlike[T comparable](v, usual T) *string {
	if v == usual {
		return nil
	}
	return pointer(wordOf(v))
}

func stored(c *streamConfig) *string { return unlike(c.Storage, jetstream.FileStorage) }

func placed(c *streamConfig) *schema.Placement {
	p := value(c.Placement)
	if p.Cluster == "" && len(p.Tags) == 0 {
		return nil
	}
	return &schema.Placement{Cluster: p.Cluster, Tags: p.Tags}
}

func republished(c *streamConfig) *schema.Republish {
	r := c.RePublish
	if r == nil {
		return nil
	}
	return &schema.Republish{Source: r.Source, Destination: r.Destination, HeadersOnly: r.HeadersOnly}
}

// own are the labels that are neither nats-server's nor unibus's.
func own(labels map[string]string) map[string]string {
	all := maps.Clone(labels)
	maps.DeleteFunc(all, func(k, _ string) bool { return strings.HasPrefix(k, "_nats.") || k == peersExpected })
	if len(all) == 0 {
		return nil
	}
	return all
}
