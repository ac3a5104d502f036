package server

import "unibus/config/schema"

// What crosses between accounts.

func exportBlock(t *text, e *schema.Export) {
	if len(e.Accounts) > 0 {
		t.set("accounts", e.Accounts)
	}
	if e.AccountTokenPosition != nil {
		t.set("account_token_position", *e.AccountTokenPosition)
	}
	if e.Stream != "" {
		t.set("stream", e.Stream)
		return
	}
	t.set("service", e.Service)
	if e.ResponseType != "" {
		t.set("response_type", e.ResponseType)
	}
	if e.ResponseThreshold != nil {
		t.set("response_threshold", e.ResponseThreshold.Std().String())
	}
	if e.AllowTrace {
		t.set("allow_trace", true)
	}
	if l := e.Latency; l != nil {
		t.block("latency", func() {
			t.set("subject", l.Subject)
			t.set("sampling", l.Sampling)
		})
	}
}

func importBlock(t *text, i *schema.Import) {
	kind, from := "stream", i.Stream
	if from == nil {
		kind, from = "service", i.Service
	}
	if from != nil {
		t.block(kind, func() {
			t.set("account", from.Account)
			t.set("subject", from.Subject)
		})
	}
	if i.To != "" {
		t.set("to", i.To)
	}
	if i.Prefix != "" {
		t.set("prefix", i.Prefix)
	}
	if i.Share {
		t.set("share", true)
	}
	if i.AllowTrace {
		t.set("allow_trace", true)
	}
}
