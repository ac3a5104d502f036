package hclconf

import "strings"

// kindOfName is what a name may look like.
type kindOfName struct {
	takes func(i int, c rune) bool // whether a character may stand at an index
	most  int                      // bytes
	words string
}

var (
	// serverName is the name of a node or cluster: it ends in NATS subjects, Raft group names and directories.
	serverName = kindOfName{
		func(i int, c rune) bool { return alphanumeric(c) || i > 0 && strings.ContainsRune("_.-", c) }, 63,
		"letters, digits, dots, dashes and underscores, at most 63 of them, a letter or digit first",
	}
	// bucketName is nats.go v1.55.0's rule for KV buckets (jetstream/kv.go, validBucketRe), within a path name of a store.
	bucketName = kindOfName{
		func(_ int, c rune) bool { return alphanumeric(c) || c == '_' || c == '-' }, 200,
		"letters, digits, dashes and underscores, at most 200 of them",
	}
	// streamName is nats-server v2.15.2's rule for streams and consumers (isValidAssetName), within a path name of a store.
	streamName = kindOfName{
		func(_ int, c rune) bool { return c > ' ' && c != 0x7f && !strings.ContainsRune(`.*>/\`, c) }, 200,
		"letters, digits, dashes and underscores, at most 200 of them",
	}
	// accountName is one token of a subject.
	accountName = kindOfName{
		func(_ int, c rune) bool { return alphanumeric(c) || strings.ContainsRune("_$-", c) }, 100,
		"letters, digits, dashes and underscores, at most 100 of them",
	}
	// userName is printable text without spaces.
	userName = kindOfName{
		func(_ int, c rune) bool { return c >= '!' && c <= '~' }, 200,
		"printable characters without spaces, at most 200 of them",
	}
	// groupName is nats-server v2.15.2's rule for priority groups (consumer.go, validGroupName).
	groupName = kindOfName{
		func(_ int, c rune) bool { return alphanumeric(c) || strings.ContainsRune("/_=-", c) }, 16,
		"letters, digits and / _ = -, at most 16 of them",
	}
)

func alphanumeric(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// fits tells whether a name is of the kind.
func (k kindOfName) fits(name string) bool {
	for i, c := range name {
		if !k.takes(i, c) {
			return false
		}
	}
	return name != "" && len(name) <= k.most
}

func (l *loader) checkName(at *string, what, name string, kind kindOfName) {
	if !kind.fits(name) && !unrendered(name) && !isSeed(name) { // which were reported already
		l.errorf(at, codeName, "%s name %q is not one that NATS takes", what, clip(name)).try("use %s", kind.words)
	}
}

// isDNSName tells whether a text is the name of a host, with underscores as some networks have them.
func isDNSName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return len(s) <= 253
}

// isLabel tells whether a text can stand between two dots of the name of a host.
func isLabel(s string) bool {
	for i, c := range s {
		inside := i > 0 && i < len(s)-1
		if !alphanumeric(c) && c != '_' && (c != '-' || !inside) {
			return false
		}
	}
	return s != "" && len(s) <= 63
}
