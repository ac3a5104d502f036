package hclconf

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// sealedFile is a file with a secret that is encrypted for one key.
func sealedFile(t *testing.T, value, recipient string) string {
	t.Helper()
	sealed, err := SealAge(value, []string{recipient})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`cluster "c" {
  node "n1" {
    address       = "10.0.0.1"
    age_recipient = %q
  }
  user "u" { password = secret.u }
  secrets { u = age(%q) }
}
`, recipient, sealed)
}

// TestAgeDigest shows that a secret which was only encrypted again is no change, and one with another value is.
func TestAgeDigest(t *testing.T) {
	key, recipient, err := NewAgeKey()
	if err != nil {
		t.Fatal(err)
	}
	here := host{files: map[string]string{AgeKeyFile: string(key)}}.as("n1")
	digest := func(value string, h Host) string {
		c := Load("c.hcl", []byte(sealedFile(t, value, recipient)), h)
		if c.Digest == "" {
			t.Fatalf("%v", c.Diagnostics)
		}
		return c.Digest
	}
	if first, again := digest("one", here), digest("one", here); first != again { // encrypted anew each time
		t.Error("the same value has two digests")
	}
	if digest("one", here) == digest("two", here) {
		t.Error("two values have the same digest")
	}
	if digest("one", Host{}) != digest("two", Host{}) {
		t.Error("offline, values that are not known make a difference")
	}
}

// TestAgeSSH shows that the SSH key of a host does as well.
func TestAgeSSH(t *testing.T) {
	public := strings.TrimSpace(readFile(t, "testdata/ssh_host_ed25519_key.pub"))
	c := Load("c.hcl", []byte(sealedFile(t, "by ssh", public)), Host{
		Node: "n1", Age: OpenAge("n1", []string{"testdata/none", "testdata/ssh_host_ed25519_key"}, os.ReadFile),
	})
	if c.Topology == nil {
		t.Fatalf("%v", c.Diagnostics)
	}
	if got := c.Topology.Accounts[0].Users[0].Password.Reveal(); got != "by ssh" {
		t.Errorf("got %q", got)
	}
}

// TestRekey finds age() in both syntaxes.
func TestRekey(t *testing.T) {
	const text = `a = age("b25l") { "b": "${age(\"dHdv\")}" } file("dHdv") c = age( "b25l" )`
	got, n, err := Rekey([]byte(text), func(old string) (string, error) { return old + "+", nil })
	if want := `a = age("b25l+") { "b": "${age(\"dHdv+\")}" } file("dHdv") c = age( "b25l+" )`; err != nil || n != 3 || string(got) != want {
		t.Errorf("%d, %v\n got %s\nwant %s", n, err, got, want)
	}
	_, _, err = Rekey([]byte("\n\n"+text), func(string) (string, error) { return "", errors.New("no") })
	if err == nil || err.Error() != "line 3: no" {
		t.Errorf("%v", err)
	}
}

// TestAgeKeyIsHidden shows that a private key in a wrong place is in no output.
func TestAgeKeyIsHidden(t *testing.T) {
	key := ageKeysOfHosts["n1"]
	for _, text := range []string{
		"cluster \"c\" {\n  node \"n1\" {\n    address = \"10.0.0.1\"\n    age_recipient = \"" + key + "\"\n  }\n}\n",
		"cluster \"c\" {\n  age_recipients = [\"" + key + "\"]\n  node \"n1\" {\n    address = \"10.0.0.1\"\n    bogus = 1 # " + key + "\n  }\n}\n",
		"cluster \"c\" {\n  age_recipients = \"" + key + "\"\n",
		"cluster \"" + key + "\" {\n  node \"n1\" { address = \"" + key + "\" }\n}\n",
	} {
		c := Load("c.hcl", []byte(text), Host{})
		if out := written(t, c); !c.Diagnostics.HasErrors() || strings.Contains(out, key[20:]) {
			t.Errorf("%s", out)
		}
	}
}

// TestEdit changes secrets and leaves the rest alone.
func TestEdit(t *testing.T) {
	const before = `# what it is for
supercluster "s" {
  cluster "a" {
    node "a1" { address = "10.0.0.1" } # first
    routes {
      user     = "r"
      password = secret.route
    }
  }
  cluster "b" {
    node "b1" { address = "10.0.0.2" }
    routes {
      user     = "r"
      password = secret.route # the same
    }
  }
  insecure = true
  secrets { route = age("b2xk") }
}
`
	c := &Config{Name: "s.hcl", text: []byte(before)}
	e, err := NewEdit(c)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := e.Sealed("route"); !ok || got != "b2xk" {
		t.Errorf("got %q, %v", got, ok)
	}
	e.Keep("route", "route_previous")
	e.Seal("route", "bmV3")
	if n := e.AcceptPrevious("route", "route_previous"); n != 2 {
		t.Errorf("changed %d routes blocks", n)
	}
	rotated := string(e.Bytes())
	for _, want := range []string{
		"# what it is for", "# first", "# the same", `route          = age("bmV3")`, `route_previous = age("b2xk")`, "previous_password = secret.route_previous",
	} {
		if !strings.Contains(rotated, want) {
			t.Errorf("no %s in\n%s", want, rotated)
		}
	}
	if got := e.Previous("route"); got != "route_previous" {
		t.Errorf("previous is %q", got)
	}
	e.AcceptPrevious("route", "")
	e.Drop("route_previous")
	if after := string(e.Bytes()); strings.Contains(after, "revious") || e.Previous("route") != "" {
		t.Errorf("something is left:\n%s", after)
	}
}
