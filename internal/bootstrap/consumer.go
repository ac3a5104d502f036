package bootstrap

import (
	"cmp"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
)

type (
	consumerConfig      = jetstream.ConsumerConfig
	consumerDeclaration = declaration[jetstream.ConsumerConfig]
)

// anew is the way out where a consumer cannot be changed. It is never taken here, because the position would be lost.
const anew = "declare a consumer with another name, or remove this one and lose its position"

// declareConsumer leaves to nats-server what the file leaves out. The live configuration of its stream, nil while it is
// not known, tells what a filter may delete and how many replicas a consumer without a number has; target is how many
// the stream shall have.
func declareConsumer(c *schema.Consumer, target int, stream func() *streamConfig) consumerDeclaration {
	d := consumerDeclaration{base: consumerConfig{Name: c.Name, Durable: c.Name}}
	add(&d, "durable", &c.Name, c.Name, func(c *consumerConfig) *string { return &c.Durable }, quote).
		never("a consumer of that name goes when nobody uses it: declare one with another name, or remove it").
		foreign = true
	opt(&d, "description", &c.Description, same, func(c *consumerConfig) *string { return &c.Description }, quote)
	labels(&d, &c.Metadata, func(c *consumerConfig) *map[string]string { return &c.Metadata })
	declareStart(&d, c)
	declareDelivery(&d, c)
	declareFilter(&d, c, func() bool { return value(stream()).Retention == jetstream.InterestPolicy })
	declarePull(&d, c)
	declarePush(&d, c)
	flag(&d, "memory_storage", &c.MemoryStorage, func(c *consumerConfig) *bool { return &c.MemoryStorage }).never(anew)
	span(&d, "inactive_threshold", &c.InactiveThreshold, func(c *consumerConfig) *time.Duration { return &c.InactiveThreshold })
	opt(&d, "pause_until", &c.PauseUntil, moment, func(c *consumerConfig) **time.Time { return &c.PauseUntil }, momentOf).during(later)
	if c.Replicas != nil {
		declareReplicas(&d, c, target, stream)
	}
	return d
}

// declareStart declares what a consumer is made with.
func declareStart(d *consumerDeclaration, c *schema.Consumer) {
	choice(d, "deliver_policy", &c.DeliverPolicy, func(c *consumerConfig) *jetstream.DeliverPolicy { return &c.DeliverPolicy }).never(anew)
	opt(d, "start_seq", &c.StartSeq, natural, func(c *consumerConfig) *uint64 { return &c.OptStartSeq }, fmtAny).never(anew)
	opt(d, "start_time", &c.StartTime, moment, func(c *consumerConfig) **time.Time { return &c.OptStartTime }, momentOf).never(anew)
	choice(d, "ack_policy", &c.AckPolicy, func(c *consumerConfig) *jetstream.AckPolicy { return &c.AckPolicy }).never(anew)
	choice(d, "replay_policy", &c.ReplayPolicy, func(c *consumerConfig) *jetstream.ReplayPolicy { return &c.ReplayPolicy }).never(anew)
}

// declareDelivery declares how often a message is delivered, and how many of them.
func declareDelivery(d *consumerDeclaration, c *schema.Consumer) {
	span(d, "ack_wait", &c.AckWait, func(c *consumerConfig) *time.Duration { return &c.AckWait })
	count(d, "max_deliver", &c.MaxDeliver, func(c *consumerConfig) *int { return &c.MaxDeliver })
	if len(c.Backoff) > 0 {
		var waits []time.Duration
		for _, text := range c.Backoff {
			wait, _ := schema.ParseDuration(text) // which the loader has checked
			waits = append(waits, wait.Std())
		}
		add(d, "backoff", &c.Backoff, waits, func(c *consumerConfig) *[]time.Duration { return &c.BackOff }, fmtAny)
	}
	count(d, "max_ack_pending", &c.MaxAckPending, func(c *consumerConfig) *int { return &c.MaxAckPending })
	flag(d, "headers_only", &c.HeadersOnly, func(c *consumerConfig) *bool { return &c.HeadersOnly })
	opt(d, "sample_frequency", &c.SampleFrequency, same, func(c *consumerConfig) *string { return &c.SampleFrequency }, quote)
}

// declareFilter declares one filter or several, which are one setting in two places.
func declareFilter(d *consumerDeclaration, c *schema.Consumer, interest func() bool) {
	var filters []string
	s := &setting[consumerConfig]{field: "filter_subject", at: &c.FilterSubject}
	switch {
	case len(c.FilterSubjects) > 0:
		filters, s.field, s.at = c.FilterSubjects, "filter_subjects", &c.FilterSubjects
	case c.FilterSubject == nil:
		return
	case *c.FilterSubject != "":
		filters = []string{*c.FilterSubject}
	}
	s.show = func(c *consumerConfig) string {
		if c.FilterSubject != "" {
			return quoted([]string{c.FilterSubject})
		}
		return quotedSet(c.FilterSubjects)
	}
	s.set = func(c *consumerConfig) {
		c.FilterSubject, c.FilterSubjects = "", nil
		if len(filters) == 1 {
			c.FilterSubject = filters[0]
		} else {
			c.FilterSubjects = filters
		}
	}
	s.loses(func(*info[consumerConfig], *consumerConfig) bool { return interest() && len(filters) > 0 })
	d.settings = append(d.settings, s)
}

// declarePull declares what clients that pull may ask for.
func declarePull(d *consumerDeclaration, c *schema.Consumer) {
	opt(d, "max_waiting", &c.MaxWaiting, same, func(c *consumerConfig) *int { return &c.MaxWaiting }, fmtAny).never(anew)
	opt(d, "max_request_batch", &c.MaxRequestBatch, same, func(c *consumerConfig) *int { return &c.MaxRequestBatch }, unlimited)
	span(d, "max_request_expires", &c.MaxRequestExpires, func(c *consumerConfig) *time.Duration { return &c.MaxRequestExpires })
	opt(d, "max_request_max_bytes", &c.MaxRequestMaxBytes, func(n schema.Size) int { return int(n) },
		func(c *consumerConfig) *int { return &c.MaxRequestMaxBytes }, size)
	choice(d, "priority_policy", &c.PriorityPolicy, func(c *consumerConfig) *jetstream.PriorityPolicy { return &c.PriorityPolicy })
	if len(c.PriorityGroups) > 0 {
		add(d, "priority_groups", &c.PriorityGroups, c.PriorityGroups, func(c *consumerConfig) *[]string { return &c.PriorityGroups }, quotedSet)
	}
	span(d, "pinned_ttl", &c.PinnedTTL, func(c *consumerConfig) *time.Duration { return &c.PinnedTTL })
}

// declarePush declares where messages are sent.
func declarePush(d *consumerDeclaration, c *schema.Consumer) {
	opt(d, "deliver_subject", &c.DeliverSubject, same, func(c *consumerConfig) *string { return &c.DeliverSubject }, quote).
		class = func(live *info[consumerConfig], want *consumerConfig) (Class, string) {
		if live.config.DeliverSubject == "" || want.DeliverSubject == "" {
			return Immutable, "a consumer that pulls stays so, and one that is sent to, too: " + anew
		}
		return Safe, ""
	}
	opt(d, "deliver_group", &c.DeliverGroup, same, func(c *consumerConfig) *string { return &c.DeliverGroup }, quote)
	opt(d, "rate_limit", &c.RateLimit, natural, func(c *consumerConfig) *uint64 { return &c.RateLimit }, fmtAny)
	flag(d, "flow_control", &c.FlowControl, func(c *consumerConfig) *bool { return &c.FlowControl }).never(anew)
	span(d, "idle_heartbeat", &c.IdleHeartbeat, func(c *consumerConfig) *time.Duration { return &c.IdleHeartbeat }).never(anew)
}

// declareReplicas makes a consumer that shall have as many replicas as its stream follow it, so that both are scaled as
// one. A stream that is not scaled up yet has no more for its consumers.
func declareReplicas(d *consumerDeclaration, c *schema.Consumer, target int, stream func() *streamConfig) {
	d.settings = append(d.settings, &setting[consumerConfig]{
		field: "replicas", at: &c.Replicas, step: scaling,
		show: func(c *consumerConfig) string { return fmtAny(cmp.Or(c.Replicas, value(stream()).Replicas)) },
		set: func(live *consumerConfig) {
			live.Replicas = *c.Replicas
			if live.Replicas == target || live.Replicas >= value(stream()).Replicas {
				live.Replicas = 0
			}
		},
	})
}
