package server

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"unibus/config/schema"
)

// confToken is a value with its place, as nats-server's parser returns it (v2.15.2, conf.ParseFileWithChecks).
type confToken interface {
	Value() any
	Line() int
	SourceFile() string
}

// confScope is one block of a nats.conf. It remembers what has been read, so that the rest can be told.
type confScope struct {
	im   *importer
	path string
	at   string
	keys map[string]confToken // in lower case, as nats-server compares them
	read map[string]bool
}

func newConfScope(im *importer, block map[string]any, path, at string) *confScope {
	s := &confScope{im: im, path: path, at: at, keys: map[string]confToken{}, read: map[string]bool{}}
	for key, v := range block {
		if t, ok := v.(confToken); ok {
			s.keys[strings.ToLower(key)] = t
		}
	}
	return s
}

func confPlace(t confToken) string { return fmt.Sprintf("%s:%d", t.SourceFile(), t.Line()) }

// get is the first of some keys that is there.
func (s *confScope) get(keys ...string) confToken {
	var found confToken
	for _, key := range keys {
		if t := s.keys[key]; t != nil && found == nil {
			s.read[key] = true
			found = t
		}
	}
	return found
}

// str is a plain value and its place; a block or a list is none.
func (s *confScope) str(keys ...string) (text, at string) {
	for _, key := range keys {
		t := s.keys[key]
		if t == nil {
			continue
		}
		switch v := t.Value().(type) {
		case string, bool, int64, float64:
			s.read[key] = true
			return fmt.Sprint(v), confPlace(t)
		}
	}
	return "", ""
}

// strs is a list of strings; a single one counts.
func (s *confScope) strs(key string) []string {
	t := s.get(key)
	if t == nil {
		return nil
	}
	if one, ok := t.Value().(string); ok {
		return strings.Fields(strings.ReplaceAll(one, ",", " "))
	}
	return textsOf(t.Value())
}

func textsOf(v any) []string {
	list, _ := v.([]any)
	var all []string
	for _, item := range list {
		if t, ok := item.(confToken); ok {
			all = append(all, fmt.Sprint(t.Value()))
		}
	}
	return all
}

// size is a number of bytes: a number, which the parser has read with its suffix, or a text such as "10GB", in which
// nats-server's units are binary.
func (s *confScope) size(keys ...string) (schema.Size, string) {
	text, at := s.str(keys...)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return schema.Size(n), at
	}
	text = strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text), "B"), "I")
	for i, unit := range []string{"K", "M", "G", "T"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, _ := strconv.ParseInt(number, 10, 64)
			return schema.Size(n << (10 * (i + 1))), at
		}
	}
	return 0, at
}

// sub is a block, or nil.
func (s *confScope) sub(key string) *confScope {
	sub := s.peek(key)
	if sub != nil {
		s.read[key] = true
	}
	return sub
}

// peek is sub without having read it.
func (s *confScope) peek(key string) *confScope {
	t := s.keys[key]
	if t == nil {
		return nil
	}
	block, ok := t.Value().(map[string]any)
	if !ok {
		return nil
	}
	return newConfScope(s.im, block, s.path+key+".", confPlace(t))
}

// subs is a list of blocks.
func (s *confScope) subs(key string) []*confScope {
	t := s.get(key)
	if t == nil {
		return nil
	}
	list, _ := t.Value().([]any)
	var all []*confScope
	for _, item := range list {
		if t, ok := item.(confToken); ok {
			if block, ok := t.Value().(map[string]any); ok {
				all = append(all, newConfScope(s.im, block, s.path+key+".", confPlace(t)))
			}
		}
	}
	return all
}

// urls is a list of addresses and their places.
func (s *confScope) urls(key string) (all []*url.URL, at []string) {
	t := s.get(key)
	if t == nil {
		return nil, nil
	}
	list, _ := t.Value().([]any)
	for _, item := range list {
		t, ok := item.(confToken)
		if !ok {
			continue
		}
		text := fmt.Sprint(t.Value())
		if !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		if u, err := url.Parse(text); err == nil {
			all, at = append(all, u), append(at, confPlace(t))
		}
	}
	return all, at
}

// listen is the address and port of a listener: in one, or each for itself.
func (s *confScope) listen(otherwise int) (host string, port int) {
	if text, _ := s.str("listen"); text != "" {
		host, port = splitListen(text)
	}
	if text, _ := s.str("port"); text != "" {
		port, _ = strconv.Atoi(text)
	}
	if text, _ := s.str("host", "net"); text != "" {
		host = text
	}
	if port <= 0 {
		port = otherwise
	}
	return host, port
}

// skip says that some keys mean nothing here: unibus sets them by itself.
func (s *confScope) skip(keys ...string) {
	for _, key := range keys {
		s.read[key] = true
	}
}

// rest tells of everything that nobody has read.
func (s *confScope) rest() {
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		if !s.read[key] {
			s.im.note(confPlace(s.keys[key]), "%s%s has no word in the file and is left out", s.path, key)
		}
	}
}
