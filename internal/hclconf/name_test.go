package hclconf

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, test := range []struct {
		kind      string
		fits      func(string) bool
		yes, nope []string
	}{
		{"server", serverName.fits, []string{"a", "9", "n-1.east_2", strings.Repeat("n", 63)}, []string{"", "-a", ".a", "_a", "a b", "ä", strings.Repeat("n", 64)}},
		{"bucket", bucketName.fits, []string{"_", "-a", "UNIBUS_rooms"}, []string{"", "a.b", "a b", "ä", "a$", strings.Repeat("b", 201)}},
		{"stream", streamName.fits, []string{"ORDERS", "straße", "$a:b"}, []string{"", "a.b", "a*", "a>", "a/b", `a\b`, "a b", "a\t", "a\x7f", strings.Repeat("ß", 101)}},
		{"account", accountName.fits, []string{"$SYS", "a-b_c"}, []string{"", "a.b", "a b"}},
		{"user", userName.fits, []string{"alice@example.net", "!~"}, []string{"", "a b", "ä", "a\n"}},
		{"group", groupName.fits, []string{"a/b_c=d-e"}, []string{"", "a.b", strings.Repeat("g", 17)}},
		{"DNS", isDNSName, []string{"a", "a_b.example.net.", "xn--nxasmq6b", strings.Repeat("a", 63) + ".net"}, []string{"", ".", "a..b", "a.net..", "-a", "a-.net", "a b", "ä.net", strings.Repeat("a", 64), strings.Repeat("a.", 127) + "ab"}},
	} {
		for _, name := range test.yes {
			if !test.fits(name) {
				t.Errorf("%q is no %s name", name, test.kind)
			}
		}
		for _, name := range test.nope {
			if test.fits(name) {
				t.Errorf("%q is a %s name", name, test.kind)
			}
		}
	}
}
