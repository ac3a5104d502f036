package hclconf

import (
	"strconv"
	"strings"
	"time"

	"unibus/config/schema"
)

// checkConsumers looks at what nats-server v2.15.2 refuses when it creates a consumer (consumer.go, checkConsumerCfg and
// addConsumerWithAssignment).
func (l *loader) checkConsumers(a *schema.Account, s *schema.Stream) {
	first := map[string]*schema.Consumer{}
	for _, c := range s.Consumers {
		l.checkName(&c.Name, "consumer", c.Name, streamName)
		if old := first[c.Name]; old != nil {
			l.duplicate(&c.Name, &old.Name, "two consumers of stream %q are called %q", clip(s.Name), clip(c.Name))
		}
		first[c.Name] = c
		l.checkConsumerReplicas(s, c)
		l.checkStart(c)
		l.checkFilters(s, c)
		l.checkDelivery(c)
		l.checkPush(s, c)
		l.checkPull(c)
		l.checkGroups(c)
		l.checkConsumerLimits(a, s, c)
	}
	if is(s.Retention, "workqueue") {
		l.checkWorkers(s)
	}
	if n := len(s.Consumers); above(s.MaxConsumers) && n > *s.MaxConsumers {
		l.errorf(s.Consumers[*s.MaxConsumers], codeConsumer, "stream %q takes %s, and %d are declared", clip(s.Name), plural(*s.MaxConsumers, "consumer"), n).
			also(l, &s.MaxConsumers, "the limit").try("max_consumers = %d", n)
	}
}

func (l *loader) checkConsumerReplicas(s *schema.Stream, c *schema.Consumer) {
	switch r := c.Replicas; {
	case r == nil || !l.sound(&s.Replicas):
	case *r > s.Replicas:
		l.errorf(&c.Replicas, codeConsumer, "consumer %q wants %d replicas, its stream has %d", clip(c.Name), *r, s.Replicas).also(l, &s.Replicas, "those of the stream").
			try("leave replicas out, so that the consumer follows its stream")
	case *r != s.Replicas && s.Retention != nil && *s.Retention != "limits":
		l.errorf(&c.Replicas, codeConsumer, "consumers of a stream with retention = %q have as many replicas as it", *s.Retention).also(l, &s.Replicas, "those of the stream").
			try("leave replicas out")
	}
}

// checkStart makes sure that a consumer begins in one place.
func (l *loader) checkStart(c *schema.Consumer) {
	l.checkTime(&c.StartTime, "start_time")
	l.checkTime(&c.PauseUntil, "pause_until")
	policy := "all"
	if c.DeliverPolicy != nil {
		policy = *c.DeliverPolicy
	}
	bySeq, byTime := policy == "by_start_sequence", policy == "by_start_time"
	switch {
	case bySeq && c.StartSeq == nil:
		l.errorf(&c.DeliverPolicy, codeConsumer, "deliver_policy = %q needs start_seq", policy).try("start_seq = 1")
	case byTime && c.StartTime == nil:
		l.errorf(&c.DeliverPolicy, codeConsumer, "deliver_policy = %q needs start_time", policy).try("start_time = \"2026-01-31T00:00:00Z\"")
	}
	if c.StartSeq != nil && !bySeq {
		l.contradict(&c.StartSeq, &c.DeliverPolicy, codeConsumer, "deliver_policy = \"by_start_sequence\"", "start_seq needs another deliver_policy than %q", policy)
	}
	if c.StartTime != nil && !byTime {
		l.contradict(&c.StartTime, &c.DeliverPolicy, codeConsumer, "deliver_policy = \"by_start_time\"", "start_time needs another deliver_policy than %q", policy)
	}
	if policy == "last_per_subject" && !filtered(c) {
		l.errorf(&c.DeliverPolicy, codeConsumer, "deliver_policy = %q needs a filter", policy).try("filter_subject = \">\" for all subjects")
	}
}

func filtered(c *schema.Consumer) bool {
	return c.FilterSubject != nil && *c.FilterSubject != "" || len(c.FilterSubjects) > 0
}

func (l *loader) checkTime(at **string, what string) {
	if *at == nil {
		return
	}
	if _, err := time.Parse(time.RFC3339, **at); err != nil {
		l.errorf(at, codeType, "%s has to be an RFC 3339 time", what).try("%s = \"2026-01-31T00:00:00Z\"", what)
	}
}

// checkFilters makes sure that the filters are subjects that do not overlap, and that the stream can have a message for
// each.
func (l *loader) checkFilters(s *schema.Stream, c *schema.Consumer) {
	if c.FilterSubject != nil && *c.FilterSubject != "" && len(c.FilterSubjects) > 0 {
		l.contradict(&c.FilterSubjects, &c.FilterSubject, codeConsumer, "put all into filter_subjects", "consumer %q has filter_subject and filter_subjects", clip(c.Name))
	}
	tree, steps := &subjectTree{}, maxOverlap
	for _, f := range filtersOf(c) {
		if !validSubject(f.subject) {
			l.errorf(f.at, codeSubject, "%q is not a subject", clip(f.subject)).try("words with dots between them; * stands for one, > for all the rest")
			continue
		}
		tokens := strings.Split(f.subject, ".")
		if old := tree.find(tokens, &steps); old != nil {
			l.errorf(f.at, codeConsumer, "consumer %q has the filters %q and %q, which overlap", clip(c.Name), clip(old.subject), clip(f.subject)).also(l, old.at, "the other filter").
				try("one filter for both")
		}
		tree.insert(tokens, &f)
		if nothing(s, f.subject) {
			l.warnf(f.at, codeNoEffect, "stream %q has nothing that matches %q", clip(s.Name), clip(f.subject)).also(l, &s.Subjects, "its subjects").try("a filter within them")
		}
	}
}

// filtersOf are the filters of a consumer.
func filtersOf(c *schema.Consumer) []owner {
	var all []owner
	if c.FilterSubject != nil && *c.FilterSubject != "" {
		all = append(all, owner{at: &c.FilterSubject, block: c, subject: *c.FilterSubject})
	}
	for i := range c.FilterSubjects {
		all = append(all, owner{at: &c.FilterSubjects[i], block: c, subject: c.FilterSubjects[i]})
	}
	return all
}

// nothing tells whether no message of a stream can match a filter. What copies or transforms has other subjects.
func nothing(s *schema.Stream, filter string) bool {
	if len(s.Subjects) == 0 || s.SubjectTransform != nil || len(s.Sources) > 0 {
		return false
	}
	for _, subject := range s.Subjects {
		if collide(subject, filter) {
			return false
		}
	}
	return true
}

// checkDelivery looks at acknowledgements and at delivering again.
func (l *loader) checkDelivery(c *schema.Consumer) {
	for i, text := range c.Backoff {
		if d, err := schema.ParseDuration(text); err != nil || d < 0 {
			l.errorf(&c.Backoff[i], codeType, "%q is not a duration", clip(text)).try("backoff = [\"1s\", \"10s\", \"1m\"]")
		}
	}
	if n := len(c.Backoff); above(c.MaxDeliver) && n > *c.MaxDeliver {
		l.contradict(&c.Backoff, &c.MaxDeliver, codeConsumer, "max_deliver = "+strconv.Itoa(n), "%s between deliveries of a message, which is delivered only %s", plural(n, "time"), plural(*c.MaxDeliver, "time"))
	}
	if f := c.SampleFrequency; f != nil {
		if n, err := strconv.Atoi(strings.TrimSuffix(*f, "%")); *f != "" && (err != nil || n < 0) {
			l.errorf(&c.SampleFrequency, codeType, "sample_frequency has to be a percentage").try("sample_frequency = \"100\"")
		}
	}
	if is(c.AckPolicy, "flow_control") {
		l.checkFlowAcks(c)
	}
}

// checkFlowAcks looks at a consumer that acknowledges by flow control, as streams that source from it do.
func (l *loader) checkFlowAcks(c *schema.Consumer) {
	at := &c.AckPolicy
	switch {
	case c.DeliverSubject == nil || *c.DeliverSubject == "":
		l.errorf(at, codeConsumer, "ack_policy = \"flow_control\" needs deliver_subject").try("ack_policy = \"explicit\"")
	case c.IdleHeartbeat != nil && *c.IdleHeartbeat != schema.Duration(time.Second):
		l.contradict(at, &c.IdleHeartbeat, codeConsumer, "idle_heartbeat = \"1s\"", "flow control acknowledges every second")
	case above(c.AckWait) || len(c.Backoff) > 0:
		l.errorf(at, codeConsumer, "flow control has no times to wait").also(l, &c.AckWait, "ack_wait").also(l, &c.Backoff, "backoff").try("leave ack_wait and backoff out")
	case above(c.MaxDeliver):
		l.contradict(at, &c.MaxDeliver, codeConsumer, "leave max_deliver out", "flow control delivers again as often as it takes")
	}
}

// checkPush looks at what only a consumer with deliver_subject has, and at what it cannot have.
func (l *loader) checkPush(s *schema.Stream, c *schema.Consumer) {
	if c.DeliverSubject == nil || *c.DeliverSubject == "" {
		for _, own := range []struct {
			at   any
			set  bool
			name string
		}{
			{&c.RateLimit, above(c.RateLimit), "rate_limit"},
			{&c.IdleHeartbeat, above(c.IdleHeartbeat), "idle_heartbeat"},
			{&c.FlowControl, on(c.FlowControl), "flow_control"},
		} {
			if own.set {
				l.errorf(own.at, codeConsumer, "%s needs deliver_subject", own.name).try("deliver_subject = \"deliver.%s\", or leave %s out", clip(c.Name), own.name)
			}
		}
		return
	}
	to := *c.DeliverSubject
	if !literalSubject(to) {
		l.errorf(&c.DeliverSubject, codeSubject, "%q is not a subject without wildcards", clip(to)).try("deliver_subject = \"deliver.%s\"", clip(c.Name))
		return
	}
	for i := range s.Subjects {
		if validSubject(s.Subjects[i]) && collide(to, s.Subjects[i]) {
			l.contradict(&c.DeliverSubject, &s.Subjects[i], codeConsumer, "a subject that the stream does not store", "what is sent to %q would be stored again", clip(to))
			break
		}
	}
	if on(c.FlowControl) && !above(c.IdleHeartbeat) && !is(c.AckPolicy, "flow_control") {
		l.errorf(&c.FlowControl, codeConsumer, "flow_control needs idle_heartbeat").try("idle_heartbeat = \"5s\"")
	}
	if c.MaxWaiting != nil {
		l.contradict(&c.MaxWaiting, &c.DeliverSubject, codeConsumer, "leave max_waiting out", "nobody waits where messages are sent")
	}
	if above(c.MaxAckPending) && is(c.AckPolicy, "none") {
		l.contradict(&c.MaxAckPending, &c.AckPolicy, codeConsumer, "leave max_ack_pending out", "nothing is acknowledged")
	}
}

// checkPull looks at what clients may ask for.
func (l *loader) checkPull(c *schema.Consumer) {
	if d := c.MaxRequestExpires; d != nil && *d > 0 && *d < schema.Duration(time.Millisecond) {
		l.errorf(&c.MaxRequestExpires, codeLimit, "max_request_expires = %q is shorter than NATS takes", *d).try("at least \"1ms\", or \"0s\" for no limit")
	}
}

// checkGroups looks at priorities among clients.
func (l *loader) checkGroups(c *schema.Consumer) {
	if c.PriorityPolicy == nil || *c.PriorityPolicy == "none" {
		if len(c.PriorityGroups) > 0 {
			l.errorf(&c.PriorityGroups, codeConsumer, "priority_groups need priority_policy").try("priority_policy = \"overflow\"")
		}
		if above(c.PinnedTTL) {
			l.errorf(&c.PinnedTTL, codeConsumer, "pinned_ttl needs priority_policy = \"pinned_client\"").try("priority_policy = \"pinned_client\"")
		}
		return
	}
	if c.DeliverSubject != nil && *c.DeliverSubject != "" {
		l.contradict(&c.PriorityPolicy, &c.DeliverSubject, codeConsumer, "keep one of them", "only clients that pull have priorities")
	}
	if len(c.PriorityGroups) == 0 && l.sound(&c.PriorityGroups) {
		l.errorf(&c.PriorityPolicy, codeConsumer, "priority_policy needs priority_groups").try("priority_groups = [\"workers\"]")
	}
	for i, g := range c.PriorityGroups {
		if !groupName.fits(g) {
			l.errorf(&c.PriorityGroups[i], codeName, "group name %q is not one that NATS takes", clip(g)).try("%s", groupName.words)
		}
	}
}

// checkConsumerLimits compares a consumer with the limits of its stream and account.
func (l *loader) checkConsumerLimits(a *schema.Account, s *schema.Stream, c *schema.Consumer) {
	over := func(at, limit any, what string) {
		l.errorf(at, codeConsumer, "%s of consumer %q is above its limit", what, clip(c.Name)).also(l, limit, "the limit").try("at most that")
	}
	if lim := s.ConsumerLimits; lim != nil {
		if above(lim.MaxAckPending) && above(c.MaxAckPending) && *c.MaxAckPending > *lim.MaxAckPending {
			over(&c.MaxAckPending, &lim.MaxAckPending, "max_ack_pending")
		}
		if above(lim.InactiveThreshold) && above(c.InactiveThreshold) && *c.InactiveThreshold > *lim.InactiveThreshold {
			over(&c.InactiveThreshold, &lim.InactiveThreshold, "inactive_threshold")
		}
	}
	if js := a.JetStream; js != nil && above(js.MaxAckPending) && above(c.MaxAckPending) && *c.MaxAckPending > *js.MaxAckPending {
		over(&c.MaxAckPending, &js.MaxAckPending, "max_ack_pending")
	}
}

// checkWorkers looks at the consumers of a work queue, each of which has messages of its own.
func (l *loader) checkWorkers(s *schema.Stream) {
	tree, steps := &subjectTree{}, maxOverlap
	for i, c := range s.Consumers {
		if c.AckPolicy != nil && *c.AckPolicy != "explicit" && *c.AckPolicy != "flow_control" {
			l.contradict(&c.AckPolicy, &s.Retention, codeConsumer, "ack_policy = \"explicit\"", "a work queue has every message acknowledged")
		}
		if c.DeliverPolicy != nil && *c.DeliverPolicy != "all" {
			l.contradict(&c.DeliverPolicy, &s.Retention, codeConsumer, "deliver_policy = \"all\"", "a work queue delivers every message")
		}
		if !filtered(c) && len(s.Consumers) > 1 {
			l.contradict(c, s.Consumers[(i+1)%len(s.Consumers)], codeConsumer, "filters that do not overlap", "a work queue with several consumers needs a filter for each")
			continue
		}
		var own [][]string
		var owners []owner
		for _, f := range filtersOf(c) {
			if !validSubject(f.subject) {
				continue
			}
			tokens := strings.Split(f.subject, ".")
			if old := tree.find(tokens, &steps); old != nil {
				l.errorf(f.at, codeConsumer, "two consumers of a work queue want %q", clip(f.subject)).also(l, old.at, "the other filter").try("filters that do not overlap")
			}
			own, owners = append(own, tokens), append(owners, f)
		}
		for j := range own {
			tree.insert(own[j], &owners[j])
		}
	}
}
