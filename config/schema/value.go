package schema

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time. Its text form is that of time.Duration plus whole days, such as "7d".
type Duration time.Duration

// ParseDuration reads "500ms", "30s", "1h30m", "36h" or "7d".
func ParseDuration(s string) (Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/int64(24*time.Hour) {
			return 0, errors.New("not a duration")
		}
		return Duration(n) * Duration(24*time.Hour), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("not a duration")
	}
	return Duration(d), nil
}

// Std is the duration as the standard library knows it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the text form that ParseDuration reads, without zero parts: "30s", "36h", "7d".
func (d Duration) String() string {
	const day = Duration(24 * time.Hour)
	if d >= 2*day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText is the text form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Size is a number of bytes.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40},
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"TB", 1e12},
	{"GB", 1e9},
	{"MB", 1e6},
	{"KB", 1e3},
	{"B", 1},
	{"", 1},
}

var sizeText = regexp.MustCompile(`^([0-9]+)(\.[0-9]+)? ?([A-Za-z]*)$`)

// ParseSize reads "40GiB", "1.5TiB", "512MB" or a plain number of bytes.
func ParseSize(s string) (Size, error) {
	m := sizeText.FindStringSubmatch(s)
	if m == nil || len(m[2]) > len(".123456789") {
		return 0, errors.New("not a size")
	}
	for _, u := range sizeUnits {
		if m[3] != u.name {
			continue
		}
		if m[2] == "" {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil || n > math.MaxInt64/u.bytes {
				return 0, errors.New("too large a size")
			}
			return Size(n * u.bytes), nil
		}
		f, err := strconv.ParseFloat(m[1]+m[2], 64)
		b := f * float64(u.bytes)
		if err != nil || b != math.Trunc(b) || b >= math.MaxInt64 {
			return 0, errors.New("not a whole number of bytes")
		}
		return Size(b), nil
	}
	return 0, errors.New("not a size")
}

// String is the shortest exact text form with a binary unit, such as "40GiB".
func (s Size) String() string {
	for _, u := range sizeUnits[:4] {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText is the text form.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Secret is a value that must never be shown. Every way of printing one gives Redacted; only Reveal gives the value.
// The zero value is a secret that was not set.
type Secret struct {
	value string
	state secretState
}

type secretState uint8

const (
	secretUnset secretState = iota
	secretUnknown
	secretKnown
)

// Redacted is what stands in place of a secret wherever one is printed.
const Redacted = "(redacted)"

// NewSecret is a secret with a known value.
func NewSecret(value string) Secret { return Secret{value: value, state: secretKnown} }

// UnknownSecret is a secret that is set in the file, but whose value is not known here, as in offline validation.
func UnknownSecret() Secret { return Secret{state: secretUnknown} }

// IsSet tells whether the file sets the secret.
func (s Secret) IsSet() bool { return s.state != secretUnset }

// IsKnown tells whether Reveal gives the value.
func (s Secret) IsKnown() bool { return s.state == secretKnown }

// Reveal is the value, or "" when it is unset or unknown. Nothing but the rendering of nats.conf and the comparison of
// credentials may call it.
func (s Secret) Reveal() string { return s.value }

// String is Redacted, or "" when the secret is not set.
func (s Secret) String() string {
	if s.state == secretUnset {
		return ""
	}
	return Redacted
}

// GoString is String, quoted.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format prints String under every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Equal tells whether both secrets are in the same state with the same value.
func (s Secret) Equal(o Secret) bool { return s == o }
