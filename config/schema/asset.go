package schema

// Bucket is one key-value bucket, stored in the stream KV_<name>. What is not written is left as it is.
type Bucket struct {
	// Name is the bucket's name.
	Name string `hcl:",label" example:"UNIBUS_rooms" change:"never"`
	// Description is free text.
	Description *string `hcl:"description,optional" example:"rooms and who is in them" change:"live"`
	// Replicas is how many nodes keep a copy: 1, 3 or 5. Left out, it is 3 where three or more nodes store data, else 1.
	// It can change while the bucket is in use; nats-server v2.15.2 copies the data in the background and reports
	// cluster.desired in STREAM.INFO until that is done.
	Replicas int `hcl:"replicas,optional" example:"3" change:"data"`
	// History is how many revisions of each key are kept. Lowering it deletes revisions.
	History *int `hcl:"history,optional" min:"1" max:"64" example:"10" change:"data"`
	// TTL is how long a value lives; "0s" is for ever. Lowering it deletes values.
	TTL *Duration `hcl:"ttl,optional" min:"0" example:"30s" change:"data"`
	// MaxBytes is how many bytes the bucket may take per replica; writes fail when it is full. 0 is no limit.
	MaxBytes *Size `hcl:"max_bytes,optional" min:"0" example:"1GiB" change:"data"`
	// MaxValueSize is how many bytes one value may have; 0 is no limit.
	MaxValueSize *Size `hcl:"max_value_size,optional" min:"0" max:"1073741824" example:"1MiB" change:"live"`
	// Storage is where the bucket lives.
	Storage *string `hcl:"storage,optional" oneof:"file memory" example:"memory" change:"never"`
	// Compression compresses the bucket on disk.
	Compression *bool `hcl:"compression,optional" example:"true" change:"live"`
	// LimitMarkerTTL is how long a marker stands for a value that was removed by a limit. Once set it cannot be removed.
	LimitMarkerTTL *Duration `hcl:"limit_marker_ttl,optional" min:"1000000000" example:"1h" change:"data"`
	// Metadata are labels; the declared ones are kept, others are left alone.
	Metadata map[string]string `hcl:"metadata,optional" example:"team=chat tier=1" change:"live"`
	// AllowDirect lets any replica answer gets, which may miss the client's own put. Buckets are created without it.
	AllowDirect *bool `hcl:"allow_direct,optional" example:"true" change:"live"`
	// AllowDataLoss lets unibus apply differences that delete stored data.
	AllowDataLoss bool `hcl:"allow_data_loss,optional" example:"true" change:"live"`
	// Placement is where the replicas may be; left out, NATS decides.
	Placement *Placement `hcl:"placement,block" change:"data"`
	// Republish sends every change to another subject as well.
	Republish *Republish `hcl:"republish,block" change:"live"`
	// Mirror makes the bucket a read-only copy of another; it cannot be added later, and its removal cannot be undone.
	Mirror *StreamSource `hcl:"mirror,block" change:"never"`
	// Sources are buckets that are copied into this one.
	Sources []*StreamSource `hcl:"source,block" change:"data"`
}

// ObjectStore is one object store, kept in the stream OBJ_<name>. What is not written is left as it is.
type ObjectStore struct {
	// Name is the name of the object store.
	Name string `hcl:",label" example:"images" change:"never"`
	// Description is free text.
	Description *string `hcl:"description,optional" example:"what users upload" change:"live"`
	// Replicas is how many nodes keep a copy: 1, 3 or 5. Left out, it is 3 where three or more nodes store data, else 1.
	Replicas int `hcl:"replicas,optional" example:"3" change:"data"`
	// TTL is how long an object lives; "0s" is for ever. Lowering it deletes objects.
	TTL *Duration `hcl:"ttl,optional" min:"0" example:"30d" change:"data"`
	// MaxBytes is how many bytes the object store may take per replica; writes fail when it is full. 0 is no limit.
	MaxBytes *Size `hcl:"max_bytes,optional" min:"0" example:"10GiB" change:"data"`
	// Storage is where the objects live.
	Storage *string `hcl:"storage,optional" oneof:"file memory" example:"memory" change:"never"`
	// Compression compresses the objects on disk.
	Compression *bool `hcl:"compression,optional" example:"true" change:"live"`
	// Metadata are labels; the declared ones are kept, others are left alone.
	Metadata map[string]string `hcl:"metadata,optional" example:"team=chat tier=1" change:"live"`
	// AllowDirect lets any replica answer gets, which may miss the client's own put. Object stores are created without
	// it.
	AllowDirect *bool `hcl:"allow_direct,optional" example:"true" change:"live"`
	// AllowDataLoss lets unibus apply differences that delete stored data.
	AllowDataLoss bool `hcl:"allow_data_loss,optional" example:"true" change:"live"`
	// Placement is where the replicas may be; left out, NATS decides.
	Placement *Placement `hcl:"placement,block" change:"data"`
}

// Stream is one stream. What is not written is left as it is, and to NATS when the stream is created.
type Stream struct {
	// Name is the stream's name.
	Name string `hcl:",label" example:"ORDERS" change:"never"`
	// Description is free text.
	Description *string `hcl:"description,optional" example:"every order, in its steps" change:"live"`
	// Subjects are the subjects whose messages are stored; their order means nothing. Left out, a new stream that copies
	// from nowhere stores the subject of its own name. No other stream of the account may have one of them.
	Subjects []string `hcl:"subjects,optional" example:"orders.> refunds.*" change:"live"`
	// Replicas is how many nodes keep a copy: 1, 3 or 5. Left out, it is 3 where three or more nodes store data, else 1.
	Replicas int `hcl:"replicas,optional" example:"3" change:"data"`
	// Retention is what messages are kept for: "limits" keeps them up to the limits, "interest" until every consumer that
	// wants them has acknowledged them, "workqueue" until one has. Nothing changes to or from "workqueue", and a change to
	// "interest" deletes what no consumer wants.
	Retention *string `hcl:"retention,optional" oneof:"limits interest workqueue" example:"limits" change:"data"`
	// Discard is what happens when a limit is reached: the oldest message is deleted, or the new one refused.
	Discard *string `hcl:"discard,optional" oneof:"old new" example:"new" change:"data"`
	// DiscardNewPerSubject refuses new messages also when max_msgs_per_subject is reached. It needs discard = "new".
	DiscardNewPerSubject *bool `hcl:"discard_new_per_subject,optional" example:"true" change:"data"`
	// MaxAge is how long a message is kept; "0s" is for ever. Lowering it deletes messages.
	MaxAge *Duration `hcl:"max_age,optional" min:"0" example:"30d" change:"data"`
	// MaxMsgs is how many messages are kept; 0 is no limit. Lowering it deletes messages.
	MaxMsgs *int `hcl:"max_msgs,optional" min:"0" example:"1000000" change:"data"`
	// MaxMsgsPerSubject is how many messages of each subject are kept; 0 is no limit. Lowering it deletes messages.
	MaxMsgsPerSubject *int `hcl:"max_msgs_per_subject,optional" min:"0" example:"100" change:"data"`
	// MaxBytes is how many bytes are kept per replica; 0 is no limit. Lowering it deletes messages.
	MaxBytes *Size `hcl:"max_bytes,optional" min:"0" example:"10GiB" change:"data"`
	// MaxMsgSize is how many bytes one message may have; 0 is no limit. It does not touch messages that are stored.
	MaxMsgSize *Size `hcl:"max_msg_size,optional" min:"0" max:"1073741824" example:"1MiB" change:"live"`
	// MaxConsumers is how many consumers the stream may have; 0 is no limit.
	MaxConsumers *int `hcl:"max_consumers,optional" min:"0" example:"50" change:"live"`
	// Storage is where the messages live.
	Storage *string `hcl:"storage,optional" oneof:"file memory" example:"memory" change:"never"`
	// Compression compresses new blocks on disk.
	Compression *string `hcl:"compression,optional" oneof:"none s2" example:"s2" change:"live"`
	// PersistMode "async" acknowledges messages before they are written, on disk and with one replica only, and loses them
	// with the process.
	PersistMode *string `hcl:"persist_mode,optional" oneof:"default async" example:"async" change:"never"`
	// DuplicateWindow is how long a message with the Nats-Msg-Id of an earlier one is dropped, up to max_age. Left out,
	// nats-server takes two minutes, or max_age if that is shorter.
	DuplicateWindow *Duration `hcl:"duplicate_window,optional" min:"100000000" example:"5m" change:"live"`
	// NoAck answers no publisher. Clients of JetStream then take every message for lost.
	NoAck *bool `hcl:"no_ack,optional" example:"true" change:"live"`
	// FirstSeq is the sequence of the first message. It has an effect only when the stream is created.
	FirstSeq *int `hcl:"first_seq,optional" min:"1" example:"1000" change:"never"`
	// Sealed closes the stream for good: nothing is stored, deleted or expired any more. It cannot be taken back.
	Sealed *bool `hcl:"sealed,optional" example:"true" change:"data"`
	// DenyDelete keeps clients from deleting single messages. It cannot be taken back.
	DenyDelete *bool `hcl:"deny_delete,optional" example:"true" change:"live"`
	// DenyPurge keeps clients from purging the stream. It cannot be taken back.
	DenyPurge *bool `hcl:"deny_purge,optional" example:"true" change:"live"`
	// AllowRollup lets a message with the header Nats-Rollup replace those before it.
	AllowRollup *bool `hcl:"allow_rollup,optional" example:"true" change:"live"`
	// AllowDirect lets any replica answer gets of single messages, which may miss the latest.
	AllowDirect *bool `hcl:"allow_direct,optional" example:"true" change:"live"`
	// MirrorDirect lets a mirror answer gets for an origin behind external. Within an account nats-server takes it from
	// the origin.
	MirrorDirect *bool `hcl:"mirror_direct,optional" example:"true" change:"live"`
	// AllowMsgTTL lets messages carry a lifetime of their own, in the header Nats-TTL. It cannot be taken back.
	AllowMsgTTL *bool `hcl:"allow_msg_ttl,optional" example:"true" change:"live"`
	// SubjectDeleteMarkerTTL is how long a marker stands for the last message of a subject that a limit has deleted; "0s"
	// leaves none. It takes at least a second, and turns on allow_msg_ttl and allow_rollup.
	SubjectDeleteMarkerTTL *Duration `hcl:"subject_delete_marker_ttl,optional" min:"0" example:"1h" change:"data"`
	// AllowMsgCounter makes every subject a counter.
	AllowMsgCounter *bool `hcl:"allow_msg_counter,optional" example:"true" change:"never"`
	// AllowMsgSchedules lets messages be stored at a time to come. It cannot be taken back, and turns on allow_rollup.
	AllowMsgSchedules *bool `hcl:"allow_msg_schedules,optional" example:"true" change:"live"`
	// AllowAtomicPublish lets clients publish batches that are stored as a whole or not at all.
	AllowAtomicPublish *bool `hcl:"allow_atomic_publish,optional" example:"true" change:"live"`
	// AllowBatchPublish lets clients publish fast batches.
	AllowBatchPublish *bool `hcl:"allow_batch_publish,optional" example:"true" change:"live"`
	// Metadata are labels; the declared ones are kept, others are left alone.
	Metadata map[string]string `hcl:"metadata,optional" example:"team=shop tier=1" change:"live"`
	// AllowDataLoss lets unibus apply differences that delete stored data.
	AllowDataLoss bool `hcl:"allow_data_loss,optional" example:"true" change:"live"`
	// Placement is where the replicas may be; left out, NATS decides.
	Placement *Placement `hcl:"placement,block" change:"data"`
	// SubjectTransform renames the subjects of messages before they are stored.
	SubjectTransform *SubjectTransform `hcl:"subject_transform,block" change:"live"`
	// Republish sends every stored message to another subject as well.
	Republish *Republish `hcl:"republish,block" change:"live"`
	// ConsumerLimits are the largest values that consumers may have, and what those without a value get.
	ConsumerLimits *ConsumerLimits `hcl:"consumer_limits,block" change:"live"`
	// Mirror makes the stream a read-only copy of another; it cannot be added later, and its removal cannot be undone.
	Mirror *StreamSource `hcl:"mirror,block" change:"never"`
	// Sources are streams that are copied into this one.
	Sources []*StreamSource `hcl:"source,block" change:"data"`
	// Consumers are the stream's durable consumers.
	Consumers []*Consumer `hcl:"consumer,block" change:"data"`
}

// Consumer is one durable consumer of a stream. What is not written is left as it is, and to NATS when the consumer is
// created. No consumer is ever deleted to change what cannot be changed, because its position would be lost.
type Consumer struct {
	// Name is the durable name.
	Name string `hcl:",label" example:"billing" change:"never"`
	// Description is free text.
	Description *string `hcl:"description,optional" example:"writes the bills" change:"live"`
	// DeliverPolicy is where in the stream a new consumer begins.
	DeliverPolicy *string `hcl:"deliver_policy,optional" oneof:"all last new by_start_sequence by_start_time last_per_subject" example:"new" change:"never"`
	// StartSeq is where it begins with deliver_policy = "by_start_sequence".
	StartSeq *int `hcl:"start_seq,optional" min:"1" example:"1000" change:"never"`
	// StartTime is the RFC 3339 time at which it begins with deliver_policy = "by_start_time".
	StartTime *string `hcl:"start_time,optional" example:"2026-01-31T00:00:00Z" change:"never"`
	// AckPolicy is what has to be acknowledged: every message, one for all before it, none, or, for streams that source
	// from this consumer, what flow control does.
	AckPolicy *string `hcl:"ack_policy,optional" oneof:"explicit all none flow_control" example:"explicit" change:"never"`
	// AckWait is how long a message may stay unacknowledged before it is delivered again.
	AckWait *Duration `hcl:"ack_wait,optional" min:"1" example:"1m" change:"live"`
	// MaxDeliver is how often a message is delivered at most; 0 is no limit.
	MaxDeliver *int `hcl:"max_deliver,optional" min:"0" example:"5" change:"live"`
	// Backoff are the times between the deliveries of one message, instead of ack_wait. They may not be more than
	// max_deliver.
	Backoff []string `hcl:"backoff,optional" example:"1s 10s 1m" change:"live"`
	// MaxAckPending is how many messages may be unacknowledged at a time; 0 is no limit.
	MaxAckPending *int `hcl:"max_ack_pending,optional" min:"0" example:"1000" change:"live"`
	// FilterSubject delivers only what matches; "" delivers everything. On a stream that keeps messages for its consumers
	// only, another filter may delete what is not wanted any more.
	FilterSubject *string `hcl:"filter_subject,optional" example:"orders.paid" change:"data"`
	// FilterSubjects are several filters, in place of filter_subject.
	FilterSubjects []string `hcl:"filter_subjects,optional" example:"orders.paid orders.refunded" change:"data"`
	// ReplayPolicy is the pace of delivery: as fast as possible, or that at which the messages came in.
	ReplayPolicy *string `hcl:"replay_policy,optional" oneof:"instant original" example:"original" change:"never"`
	// HeadersOnly leaves the payload out.
	HeadersOnly *bool `hcl:"headers_only,optional" example:"true" change:"live"`
	// SampleFrequency is the percentage of acknowledgements that are reported in advisories, such as "100".
	SampleFrequency *string `hcl:"sample_frequency,optional" example:"100" change:"live"`
	// Replicas is how many nodes keep the consumer's state, at most as many as keep the stream. Left out, a new consumer
	// follows the stream.
	Replicas *int `hcl:"replicas,optional" min:"1" max:"5" example:"1" change:"data"`
	// MemoryStorage keeps the consumer's state in memory, whatever the stream does.
	MemoryStorage *bool `hcl:"memory_storage,optional" example:"true" change:"never"`
	// InactiveThreshold is how long a consumer that nobody uses lives; "0s" is for ever. A consumer that has gone is created
	// anew and begins where deliver_policy says.
	InactiveThreshold *Duration `hcl:"inactive_threshold,optional" min:"0" example:"30d" change:"live"`
	// PauseUntil is the RFC 3339 time until which nothing is delivered.
	PauseUntil *string `hcl:"pause_until,optional" example:"2026-01-31T00:00:00Z" change:"live"`
	// MaxWaiting is how many requests of pulling clients may wait.
	MaxWaiting *int `hcl:"max_waiting,optional" min:"1" example:"512" change:"never"`
	// MaxRequestBatch is how many messages one request may ask for; 0 is no limit.
	MaxRequestBatch *int `hcl:"max_request_batch,optional" min:"0" example:"100" change:"live"`
	// MaxRequestExpires is how long one request may wait; "0s" is no limit.
	MaxRequestExpires *Duration `hcl:"max_request_expires,optional" min:"0" example:"30s" change:"live"`
	// MaxRequestMaxBytes is how many bytes one request may ask for; 0 is no limit.
	MaxRequestMaxBytes *Size `hcl:"max_request_max_bytes,optional" min:"0" example:"1MiB" change:"live"`
	// PriorityPolicy is which of several pulling clients is served.
	PriorityPolicy *string `hcl:"priority_policy,optional" oneof:"none pinned_client overflow prioritized" example:"overflow" change:"live"`
	// PriorityGroups are the groups that clients name in their requests.
	PriorityGroups []string `hcl:"priority_groups,optional" example:"workers" change:"live"`
	// PinnedTTL is how long a pinned client may be silent before another one takes its place.
	PinnedTTL *Duration `hcl:"pinned_ttl,optional" min:"1" example:"2m" change:"live"`
	// DeliverSubject makes it a push consumer and is where messages are sent. It can change only while nobody listens on
	// the old one; a consumer that pulls stays so.
	DeliverSubject *string `hcl:"deliver_subject,optional" example:"deliver.billing" change:"live"`
	// DeliverGroup is the queue group of those who listen on deliver_subject.
	DeliverGroup *string `hcl:"deliver_group,optional" example:"billing" change:"live"`
	// RateLimit is how many bits a second are sent to deliver_subject; 0 is no limit.
	RateLimit *int `hcl:"rate_limit,optional" min:"0" example:"8000000" change:"live"`
	// FlowControl makes those who listen on deliver_subject answer now and then. It needs idle_heartbeat.
	FlowControl *bool `hcl:"flow_control,optional" example:"true" change:"never"`
	// IdleHeartbeat is how often an idle push consumer says that it is there.
	IdleHeartbeat *Duration `hcl:"idle_heartbeat,optional" min:"100000000" example:"5s" change:"never"`
	// Metadata are labels; the declared ones are kept, others are left alone.
	Metadata map[string]string `hcl:"metadata,optional" example:"team=billing tier=1" change:"live"`
	// AllowDataLoss lets unibus apply differences that delete stored messages.
	AllowDataLoss bool `hcl:"allow_data_loss,optional" example:"true" change:"live"`
}

// ConsumerLimits are the largest values that the consumers of a stream may have, and what those without a value get.
type ConsumerLimits struct {
	// InactiveThreshold is how long a consumer that nobody uses lives; "0s" is no limit.
	InactiveThreshold *Duration `hcl:"inactive_threshold,optional" min:"0" example:"1h" change:"live"`
	// MaxAckPending is how many messages may be unacknowledged at a time; 0 is no limit.
	MaxAckPending *int `hcl:"max_ack_pending,optional" min:"0" example:"1000" change:"live"`
}

// Placement is where the replicas of an asset may be.
type Placement struct {
	// Cluster is the name of a cluster of this file.
	Cluster string `hcl:"cluster,optional" example:"west" change:"data"`
	// Tags are tags that a node must have; a leading "!" excludes nodes that have it.
	Tags []string `hcl:"tags,optional" example:"ssd !az:3" change:"data"`
}

// Republish sends every stored message to another subject.
type Republish struct {
	// Source is the subject filter; empty is all.
	Source string `hcl:"source,optional" example:"$KV.UNIBUS_rooms.>" change:"live"`
	// Destination is the subject to send to.
	Destination string `hcl:"destination" example:"rooms.changed.>" change:"live"`
	// HeadersOnly leaves the value out.
	HeadersOnly bool `hcl:"headers_only,optional" example:"true" change:"live"`
}

// SubjectTransform renames subjects.
type SubjectTransform struct {
	// Source is what it is done to; empty is all.
	Source string `hcl:"source,optional" example:"orders.*" change:"live"`
	// Destination is the new subject, in which $1 stands for what the first wildcard of source has matched. A source or a
	// mirror only selects where it is empty.
	Destination string `hcl:"destination,optional" example:"shop.orders.$1" change:"live"`
}

// StreamSource is where a mirror or a source copies from.
type StreamSource struct {
	// Name is the stream that is copied, and in a bucket the bucket.
	Name string `hcl:"name" example:"UNIBUS_origin" change:"data"`
	// StartSeq is the first sequence to copy; left out, the first there is.
	StartSeq *int `hcl:"start_seq,optional" min:"1" example:"1000" change:"data"`
	// StartTime is the RFC 3339 time from which to copy; left out, the beginning.
	StartTime *string `hcl:"start_time,optional" example:"2026-01-31T00:00:00Z" change:"data"`
	// FilterSubject copies only what matches.
	FilterSubject string `hcl:"filter_subject,optional" example:"$KV.UNIBUS_rooms.a.>" change:"data"`
	// Domain is the JetStream domain of the origin.
	Domain string `hcl:"domain,optional" example:"hub" change:"data"`
	// External is the API of an origin in another account; left out, it is this account.
	External *External `hcl:"external,block" change:"data"`
	// SubjectTransforms copy only what matches one of them, under its new subject, in place of filter_subject. In a bucket,
	// name is then that of a stream, and nothing else is renamed.
	SubjectTransforms []*SubjectTransform `hcl:"subject_transform,block" change:"data"`
	// Consumer is a consumer of the origin that is there for this copy; left out, nats-server makes one.
	Consumer *SourceConsumer `hcl:"consumer,block" change:"data"`
}

// SourceConsumer is the durable push consumer at the origin from which a copy is made.
type SourceConsumer struct {
	// Name is the consumer's name at the origin.
	Name string `hcl:"name" example:"to-west" change:"data"`
	// DeliverSubject is the consumer's deliver_subject.
	DeliverSubject string `hcl:"deliver_subject" example:"deliver.west" change:"data"`
}

// External is how the JetStream API of another account or domain is reached.
type External struct {
	// APIPrefix is the subject prefix of that API.
	APIPrefix string `hcl:"api_prefix" example:"$JS.hub.API" change:"data"`
	// DeliverPrefix is the subject prefix of deliveries.
	DeliverPrefix string `hcl:"deliver_prefix,optional" example:"deliver.hub" change:"data"`
}
