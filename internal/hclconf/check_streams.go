package hclconf

import (
	"slices"
	"strings"

	"unibus/config/schema"
)

// checkStreams looks at what nats-server v2.15.2 refuses when it creates a stream (stream.go, checkStreamCfgLocked), so
// that the file shows it and not the first attempt.
func (l *loader) checkStreams(a *schema.Account) {
	for _, s := range a.Streams {
		l.checkName(&s.Name, "stream", s.Name, streamName)
		l.checkSubjectsOf(s)
		l.checkStreamLimits(s)
		l.checkStreamFeatures(s)
		l.checkCounter(s)
		l.checkMirror(s)
		l.checkTransform(s)
		l.checkStreamRepublish(s)
		l.checkConsumers(a, s)
	}
	for _, o := range a.ObjectStores {
		l.checkName(&o.Name, "object store", o.Name, bucketName)
		l.checkAge(&o.TTL, "ttl")
	}
	l.checkStreamNames(a)
	l.checkStored(a)
}

// contradict reports two settings of a stream or consumer that NATS refuses together, at the first one.
func (l *loader) contradict(at, other any, code Code, try, format string, args ...any) {
	l.errorf(at, code, format, args...).also(l, other, "the other setting").try("%s", try)
}

func on(b *bool) bool { return b != nil && *b }

func is(s *string, want string) bool { return s != nil && *s == want }

func above[T int | schema.Size | schema.Duration](p *T) bool { return p != nil && *p > 0 }

// checkAge makes sure that messages live long enough for NATS, or for ever.
func (l *loader) checkAge(at **schema.Duration, what string) {
	if d := *at; d != nil && *d > 0 && *d < minTTL {
		l.errorf(at, codeLimit, "%s = %q is shorter than NATS takes", what, *d).try("at least \"100ms\", or \"0s\" for ever")
	}
}

// checkSubjectsOf makes sure that NATS takes the subjects of a stream, each for itself.
func (l *loader) checkSubjectsOf(s *schema.Stream) {
	if s.Mirror != nil && len(s.Subjects) > 0 {
		l.contradict(&s.Subjects, s.Mirror, codeStream, "leave subjects out; what arrives is what the origin has", "a mirror has no subjects of its own")
	}
	for i, subject := range s.Subjects {
		at := &s.Subjects[i]
		switch {
		case !validSubject(subject):
			l.errorf(at, codeSubject, "%q is not a subject", clip(subject)).try("words with dots between them; * stands for one, > for all the rest")
		case subject == ">" && (!on(s.NoAck) || s.Replicas != 1):
			l.errorf(at, codeStream, "a stream of everything needs no_ack = true and replicas = 1").try("subjects = [\"orders.>\"]")
		case !on(s.NoAck) && reserved(subject):
			l.errorf(at, codeStream, "%q takes in what is NATS's own", clip(subject)).try("a subject with a first word of your own; without acknowledgements, no_ack = true")
		}
	}
}

// reserved tells whether a stream that answers publishers would capture NATS's own requests.
func reserved(subject string) bool {
	for _, own := range []string{"$JS.>", "$JSC.>", "$NRG.>"} {
		if collide(subject, own) {
			return !strings.HasPrefix(subject, "$JS.EVENT.")
		}
	}
	return collide(subject, "$SYS.>") && !strings.HasPrefix(subject, "$SYS.ACCOUNT.")
}

func (l *loader) checkStreamLimits(s *schema.Stream) {
	l.checkAge(&s.MaxAge, "max_age")
	if above(s.MaxAge) && s.DuplicateWindow != nil && *s.DuplicateWindow > *s.MaxAge {
		l.contradict(&s.DuplicateWindow, &s.MaxAge, codeStream, "at most max_age", "duplicates are looked for longer than messages are kept")
	}
	if d := s.SubjectDeleteMarkerTTL; d != nil && *d > 0 && *d < schema.Duration(1e9) {
		l.errorf(&s.SubjectDeleteMarkerTTL, codeLimit, "subject_delete_marker_ttl = %q is shorter than NATS takes", *d).try("at least \"1s\"")
	}
	if !on(s.DiscardNewPerSubject) {
		return
	}
	if !is(s.Discard, "new") {
		l.errorf(&s.DiscardNewPerSubject, codeStream, "discard_new_per_subject needs discard = \"new\"").also(l, &s.Discard, "what is discarded").try("discard = \"new\"")
	}
	if !above(s.MaxMsgsPerSubject) {
		l.errorf(&s.DiscardNewPerSubject, codeStream, "discard_new_per_subject needs max_msgs_per_subject").try("max_msgs_per_subject = 1")
	}
}

// checkStreamFeatures looks for features that exclude each other.
func (l *loader) checkStreamFeatures(s *schema.Stream) {
	if on(s.DenyPurge) && on(s.AllowRollup) {
		l.contradict(&s.AllowRollup, &s.DenyPurge, codeStream, "keep one of them", "a rollup purges, which deny_purge denies")
	}
	if on(s.AllowMsgSchedules) {
		switch {
		case is(s.Discard, "new"):
			l.contradict(&s.AllowMsgSchedules, &s.Discard, codeStream, "discard = \"old\"", "messages cannot be scheduled where new ones are discarded")
		case len(s.Sources) > 0:
			l.contradict(&s.AllowMsgSchedules, s.Sources[0], codeStream, "keep one of them", "a stream with sources schedules no messages")
		}
	}
	if !is(s.PersistMode, "async") {
		return
	}
	switch {
	case inMemory(s.Storage):
		l.contradict(&s.PersistMode, &s.Storage, codeStream, "leave persist_mode out", "there is nothing to write later in memory")
	case s.Replicas > 1:
		l.contradict(&s.PersistMode, &s.Replicas, codeStream, "replicas = 1, or leave persist_mode out", "only a stream with one replica can be written later")
	case on(s.AllowAtomicPublish):
		l.contradict(&s.PersistMode, &s.AllowAtomicPublish, codeStream, "keep one of them", "atomic batches cannot be written later")
	}
}

func (l *loader) checkCounter(s *schema.Stream) {
	if !on(s.AllowMsgCounter) {
		return
	}
	at := &s.AllowMsgCounter
	switch {
	case is(s.Discard, "new"):
		l.contradict(at, &s.Discard, codeStream, "discard = \"old\"", "counters cannot discard new messages")
	case on(s.AllowMsgTTL):
		l.contradict(at, &s.AllowMsgTTL, codeStream, "keep one of them", "counters have no lifetime")
	case on(s.AllowMsgSchedules):
		l.contradict(at, &s.AllowMsgSchedules, codeStream, "keep one of them", "counters cannot be scheduled")
	case s.Retention != nil && *s.Retention != "limits":
		l.contradict(at, &s.Retention, codeStream, "retention = \"limits\"", "counters are kept by limits only")
	}
}

// checkMirror looks at a stream that copies another, and at one with sources.
func (l *loader) checkMirror(s *schema.Stream) {
	first := map[string]*schema.StreamSource{}
	for _, o := range s.Sources {
		l.checkOrigin(o)
		key := o.Name + "\n" + sourceKey(o)
		if old := first[key]; old != nil && len(o.SubjectTransforms)+len(old.SubjectTransforms) == 0 && l.written(&o.Name) {
			l.duplicate(o, old, "stream %q copies %q twice", clip(s.Name), clip(o.Name)).try("one source for each stream, or a filter_subject that tells them apart")
		}
		first[key] = o
	}
	m := s.Mirror
	if m == nil {
		return
	}
	l.checkOrigin(m)
	if len(s.Sources) > 0 {
		l.errorf(s.Sources[0], codeSource, "stream %q has both a mirror and a source", clip(s.Name)).also(l, m, "the mirror").try("keep one of them")
	}
	for _, own := range []struct {
		at   any
		set  bool
		name string
	}{
		{&s.FirstSeq, s.FirstSeq != nil, "first_seq"},
		{&s.AllowMsgCounter, on(s.AllowMsgCounter), "allow_msg_counter"},
		{&s.AllowAtomicPublish, on(s.AllowAtomicPublish), "allow_atomic_publish"},
		{&s.AllowBatchPublish, on(s.AllowBatchPublish), "allow_batch_publish"},
		{&s.AllowMsgSchedules, on(s.AllowMsgSchedules), "allow_msg_schedules"},
		{&s.SubjectDeleteMarkerTTL, above(s.SubjectDeleteMarkerTTL), "subject_delete_marker_ttl"},
	} {
		if own.set {
			l.errorf(own.at, codeStream, "a mirror cannot have %s", own.name).also(l, m, "the mirror").try("leave %s out; nobody publishes to a mirror", own.name)
		}
	}
}

// checkOrigin makes sure that a stream can be copied from where a mirror or source says.
func (l *loader) checkOrigin(s *schema.StreamSource) {
	if l.written(&s.Name) && l.sound(&s.Name) && !streamName.fits(s.Name) {
		l.errorf(&s.Name, codeName, "stream name %q is not one that NATS takes", clip(s.Name)).try("use %s", streamName.words)
	}
	l.checkBegin(s)
	if s.FilterSubject != "" && len(s.SubjectTransforms) > 0 {
		l.contradict(&s.FilterSubject, s.SubjectTransforms[0], codeSource, "keep one of them", "%q is filtered and transformed", clip(s.Name))
	}
	for i, t := range s.SubjectTransforms {
		if !l.checkMapping(t) {
			continue
		}
		for _, other := range s.SubjectTransforms[:i] {
			if collide(cmpSubject(t.Source), cmpSubject(other.Source)) {
				l.errorf(t, codeSource, "%q is transformed twice", clip(cmpSubject(t.Source))).also(l, other, "the other transform").try("subjects that do not overlap")
				break
			}
		}
	}
	if c := s.Consumer; c != nil {
		switch {
		case l.sound(&c.DeliverSubject) && l.written(&c.DeliverSubject) && !literalSubject(c.DeliverSubject):
			l.errorf(&c.DeliverSubject, codeSource, "%q is not a subject without wildcards", clip(c.DeliverSubject)).try("deliver_subject = \"deliver.west\"")
		case s.StartSeq != nil || s.StartTime != nil || s.FilterSubject != "":
			l.errorf(c, codeSource, "where a consumer of %q begins, and what it takes, is its own matter", clip(s.Name)).try("leave start_seq, start_time and filter_subject out")
		}
	}
}

// cmpSubject is what an empty filter means.
func cmpSubject(s string) string {
	if s == "" {
		return ">"
	}
	return s
}

// checkMapping makes sure that NATS can make the one subject of the other.
func (l *loader) checkMapping(t *schema.SubjectTransform) bool {
	if t.Source != "" && !validSubject(t.Source) {
		l.errorf(&t.Source, codeSubject, "%q is not a subject", clip(t.Source)).try("source = \"orders.>\"")
		return false
	}
	if why := validTransform(t.Source, t.Destination); t.Destination != "" && why != "" {
		l.errorf(&t.Destination, codeRepublish, "NATS cannot transform to %q: %s", clip(t.Destination), why).also(l, &t.Source, "what is transformed").
			try("as many wildcards as the source has, such as {{wildcard(1)}}")
		return false
	}
	return true
}

func (l *loader) checkTransform(s *schema.Stream) {
	if s.SubjectTransform != nil {
		l.checkMapping(s.SubjectTransform)
	}
}

func (l *loader) checkStreamRepublish(s *schema.Stream) {
	r := s.Republish
	if r == nil || !l.written(&r.Destination) || !l.sound(&r.Destination) {
		return
	}
	if r.Source != "" && !validSubject(r.Source) {
		l.errorf(&r.Source, codeRepublish, "%q is not a subject", clip(r.Source)).try("source = \"orders.>\"")
		return
	}
	if why := validTransform(r.Source, r.Destination); why != "" {
		l.errorf(&r.Destination, codeRepublish, "NATS cannot republish to %q: %s", clip(r.Destination), why).also(l, &r.Source, "what is republished").
			try("destination = \"changes.>\" for a source that ends in >, with {{wildcard(1)}} for a *")
		return
	}
	for i := range s.Subjects {
		if collide(r.Destination, s.Subjects[i]) {
			l.errorf(&r.Destination, codeRepublish, "stream %q would republish to itself", clip(s.Name)).also(l, &s.Subjects[i], "its subject").try("a subject that the stream does not store")
			return
		}
	}
}

// checkStreamNames finds streams that have the name of the one behind a bucket or an object store.
func (l *loader) checkStreamNames(a *schema.Account) {
	behind := map[string]any{}
	for _, b := range a.Buckets {
		behind["KV_"+b.Name] = &b.Name
	}
	for _, o := range a.ObjectStores {
		behind["OBJ_"+o.Name] = &o.Name
	}
	for _, s := range a.Streams {
		if other := behind[s.Name]; other != nil {
			l.errorf(&s.Name, codeDuplicate, "stream %q is the one that another block of the file makes", clip(s.Name)).also(l, other, "kept in that stream").try("another name for one of them")
		}
	}
}

// owner is a subject and the block that it belongs to.
type owner struct {
	block, at any
	what      string
	subject   string
}

// checkStored finds subjects that two streams of an account would store, buckets and object stores included.
func (l *loader) checkStored(a *schema.Account) {
	if len(a.Streams) == 0 {
		return
	}
	tree := &subjectTree{}
	inside := false // whether a stream reaches for what buckets and object stores keep
	var all []owner
	for _, s := range a.Streams {
		what := "stream \"" + clip(s.Name) + "\""
		for i, subject := range s.Subjects {
			all = append(all, owner{s, &s.Subjects[i], what, subject})
			inside = inside || collide(subject, "$KV.>") || collide(subject, "$O.>")
		}
		if len(s.Subjects) == 0 && s.Mirror == nil && len(s.Sources) == 0 {
			all = append(all, owner{s, &s.Name, what, s.Name})
		}
	}
	if inside {
		all = append(all, keptBy(a)...)
	}
	steps := maxOverlap
	for _, o := range all {
		if !validSubject(o.subject) {
			continue
		}
		tokens := strings.Split(o.subject, ".")
		old := tree.find(tokens, &steps)
		switch {
		case old == nil:
			tree.insert(tokens, &o)
		case old.block == o.block:
			l.errorf(o.at, codeTwoStreams, "%s stores %q twice", o.what, clip(o.subject)).also(l, old.at, "%q", clip(old.subject)).try("subjects that do not overlap")
		default:
			l.overlap(o, *old)
		}
	}
}

func (l *loader) overlap(o, old owner) {
	if l.fields[old.at].rng.Start.Byte > l.fields[o.at].rng.Start.Byte {
		o, old = old, o
	}
	l.errorf(o.at, codeTwoStreams, "%s and %s would both store %q", old.what, o.what, clip(o.subject)).also(l, old.at, "%q", clip(old.subject)).
		try("subjects that do not overlap; where both shall have a message, let one be a source of the other")
}

// keptBy are the subjects of buckets and object stores.
func keptBy(a *schema.Account) []owner {
	var all []owner
	for _, b := range a.Buckets {
		if b.Mirror == nil {
			all = append(all, owner{b, &b.Name, "bucket \"" + clip(b.Name) + "\"", "$KV." + b.Name + ".>"})
		}
	}
	for _, o := range a.ObjectStores {
		what := "object store \"" + clip(o.Name) + "\""
		all = append(all, owner{o, &o.Name, what, "$O." + o.Name + ".C.>"}, owner{o, &o.Name, what, "$O." + o.Name + ".M.>"})
	}
	return slices.DeleteFunc(all, func(o owner) bool { return !validSubject(o.subject) })
}

// maxOverlap is how many steps are made to find overlapping subjects in one account.
const maxOverlap = 5_000_000

// subjectTree holds subjects by their words.
type subjectTree struct {
	word map[string]*subjectTree
	all  []*subjectTree // the same in their order, and that of *
	any  *subjectTree   // of *
	here *owner         // of the subject that ends here
	rest *owner         // of the subject that ends here with >
}

func (t *subjectTree) insert(tokens []string, o *owner) {
	switch {
	case len(tokens) == 0:
		t.here = o
	case tokens[0] == ">":
		t.rest = o
	default:
		t.next(tokens[0]).insert(tokens[1:], o)
	}
}

func (t *subjectTree) next(token string) *subjectTree {
	if token == "*" && t.any != nil {
		return t.any
	}
	if n := t.word[token]; n != nil && token != "*" {
		return n
	}
	n := &subjectTree{}
	t.all = append(t.all, n)
	if token == "*" {
		t.any = n
		return n
	}
	if t.word == nil {
		t.word = map[string]*subjectTree{}
	}
	t.word[token] = n
	return n
}

// find is a subject that a message could match as well as the given one, or nil.
func (t *subjectTree) find(tokens []string, steps *int) *owner {
	if *steps--; *steps < 0 || t == nil {
		return nil
	}
	switch {
	case len(tokens) == 0:
		return t.here
	case t.rest != nil:
		return t.rest
	case tokens[0] == ">":
		return t.first(steps)
	case tokens[0] == "*":
		for _, n := range t.all {
			if o := n.find(tokens[1:], steps); o != nil {
				return o
			}
		}
		return nil
	}
	if o := t.word[tokens[0]].find(tokens[1:], steps); o != nil {
		return o
	}
	return t.any.find(tokens[1:], steps)
}

// first is any subject with at least one word more.
func (t *subjectTree) first(steps *int) *owner {
	for _, n := range t.all {
		if *steps--; *steps < 0 {
			return nil
		}
		for _, o := range []*owner{n.here, n.rest, n.first(steps)} {
			if o != nil {
				return o
			}
		}
	}
	return nil
}
