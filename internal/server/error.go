package server

// Kind is what an Error is about.
type Kind uint8

// The kinds. The zero value is the configuration itself.
const (
	KindConf Kind = iota
	// KindStore is a store that is in use, or that belongs to something else.
	KindStore
	// KindPort is a port or an address that cannot be listened on.
	KindPort
	// KindCertificate is a certificate or key that cannot be used.
	KindCertificate
)

// Error is a refusal that has a place in the file: a rule of nats-server, a port that is taken, a store that belongs to
// somebody else.
type Error struct {
	// Kind is what the refusal is about.
	Kind Kind
	// At points to the field of the topology at fault, such as &node.ClientPort.
	At any
	// Summary says what is wrong, with the names and values involved. It never holds a secret.
	Summary string
	// Hint says what to do about it; "" when there is nothing to say.
	Hint string
	// Err is the cause, or nil. Callers test it for fs.ErrPermission and the like.
	Err error
}

// Error is the summary and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Summary
	}
	return e.Summary + ": " + e.Err.Error()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }
