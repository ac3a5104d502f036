package hclconf

import (
	"strconv"
	"strings"
)

// validSubject tells whether nats-server v2.15.2 takes a subject, with or without wildcards (sublist.go, IsValidSubject).
func validSubject(s string) bool {
	tokens := strings.Split(s, ".")
	for i, t := range tokens {
		if t == "" || strings.ContainsAny(t, " \t\n\f\r\x00") || t == ">" && i < len(tokens)-1 {
			return false
		}
	}
	return true
}

// literalSubject tells whether something can be sent to a subject.
func literalSubject(s string) bool {
	return validSubject(s) && !strings.Contains("."+s+".", ".*.") && !strings.HasSuffix("."+s, ".>")
}

// collide tells whether one message could match both subjects.
func collide(a, b string) bool {
	for {
		x, restA, moreA := strings.Cut(a, ".")
		y, restB, moreB := strings.Cut(b, ".")
		switch {
		case x == ">" || y == ">":
			return true
		case x != y && x != "*" && y != "*" || moreA != moreB:
			return false
		case !moreA:
			return true
		}
		a, b = restA, restB
	}
}

// within tells whether every message that matches a subject matches the other one, too.
func within(part, whole string) bool {
	for {
		x, restX, moreX := strings.Cut(part, ".")
		y, restY, moreY := strings.Cut(whole, ".")
		switch {
		case y == ">":
			return true
		case x == ">" || y != "*" && x != y || moreX != moreY:
			return false
		case !moreX:
			return true
		}
		part, whole = restX, restY
	}
}

// mapping is a function in the destination of a subject transform, with its arguments.
var mapping = re(`^\{\{\s*(?i:(partition|wildcard|split|splitfromleft|splitfromright|slicefromleft|slicefromright|left|right|random))\s*\((.*)\)\s*\}\}$`)

// oldMapping is the older way to write {{wildcard(1)}}.
var oldMapping = re(`^\$[0-9]+$`)

// validTransform tells why nats-server v2.15.2 would not map one subject to another (subject_transform.go,
// NewSubjectTransform), or "".
func validTransform(from, to string) string {
	if from == "" {
		from = ">"
	}
	wildcards := strings.Count("."+strings.ReplaceAll(from, ".", "..")+".", ".*.")
	rest := strings.HasSuffix("."+from, ".>")
	switch {
	case rest && !strings.HasSuffix("."+to, ".>"):
		return "it has to end in .>, as what it is made of does"
	case !rest && strings.HasSuffix("."+to, ".>"):
		return "it ends in >, but what it is made of does not"
	}
	for _, t := range strings.Split(to, ".") {
		switch m := mapping().FindStringSubmatch(t); {
		case t == "" || t == ">" && !rest:
			return "it is not a subject"
		case t == "*":
			return "* has to be written as {{wildcard(1)}}"
		case m == nil && strings.HasPrefix(t, "{{"):
			return "there is no function " + clip(t)
		case m == nil && strings.ContainsAny(t, " \t\n\f\r"):
			return "it is not a subject"
		case m != nil && strings.EqualFold(m[1], "wildcard") && !refersTo(m[2], wildcards),
			oldMapping().MatchString(t) && !refersTo(t[1:], wildcards):
			return clip(t) + " refers to a wildcard that is not there"
		}
	}
	return ""
}

// refersTo tells whether the argument of a function is the number of a wildcard.
func refersTo(arg string, wildcards int) bool {
	n, err := strconv.Atoi(strings.TrimSpace(arg))
	return err == nil && n >= 1 && n <= wildcards
}
