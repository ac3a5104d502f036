package bootstrap

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Error codes of the JetStream API of nats-server v2.15.2 (jetstream_errors_generated.go).
const (
	errNoPeers         jetstream.ErrorCode = 10005
	errUnavailable     jetstream.ErrorCode = 10008
	errNotLeader       jetstream.ErrorCode = 10009
	errOffline         jetstream.ErrorCode = 10118
	errMoving          jetstream.ErrorCode = 10124
	errMemberChange    jetstream.ErrorCode = 10202
	errReconfiguring   jetstream.ErrorCode = 10226
	errTooManyRequests jetstream.ErrorCode = 10167
)

// passing are answers that mean "later": a second attempt may succeed without anybody doing anything. A name that is in
// use is there because the stream has appeared since it was looked for.
var passing = map[jetstream.ErrorCode]string{
	errUnavailable:                     "JetStream has no leader",
	errNotLeader:                       "JetStream has no leader",
	errOffline:                         "every node that holds it is away",
	errMoving:                          "nats-server is moving it",
	errReconfiguring:                   "nats-server is reconfiguring it",
	errMemberChange:                    "a node is joining or leaving",
	errTooManyRequests:                 "nats-server is too busy",
	jetstream.JSErrCodeStreamNameInUse: "it has just appeared",
}

// remedies say what to do about answers that do not pass by themselves.
var remedies = map[jetstream.ErrorCode]string{
	10002: "raise max_file_store or max_memory_store of the account, or lower max_bytes",
	10023: "raise max_file_store or max_memory_store, or lower max_bytes",
	10027: "raise max_streams of the account",
	10028: "raise max_memory_store, or lower max_bytes",
	10039: "the account has no JetStream",
	10047: "raise max_file_store or max_memory_store, or lower max_bytes",
	10052: "change the declaration, or give it another name",
	10055: "a mirror is set at creation: give it another name",
	10065: "another stream has its subjects: remove that one, or give this another name",
	10074: "a single node keeps one replica",
	10113: "the account wants max_bytes",
	10122: "lower max_bytes, or raise the account's limit for one stream",
}

// explain puts an error of the JetStream API into an operator's words and tells whether it may pass by itself.
func explain(err error) (text string, passes bool) {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return "no answer", true
	case errors.Is(err, context.Canceled):
		return "the meta leader has changed", true
	case errors.Is(err, nats.ErrNoResponders):
		return "JetStream is not up", true
	case !errors.As(err, &api):
		return err.Error(), true
	}
	if text, ok := passing[api.ErrorCode]; ok {
		return text, true
	}
	text = fmt.Sprintf("refused by nats-server: %s (%d)", api.Description, api.ErrorCode)
	if remedy := remedies[api.ErrorCode]; remedy != "" {
		text += ": " + remedy
	}
	return text, false
}

// errorCode is the code of an error of the JetStream API, or zero.
func errorCode(err error) jetstream.ErrorCode {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}
