package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unibus/internal/hclconf"
)

// twoNodes is a file whose certificates and secrets are below DIR.
const twoNodes = `cluster "c" {
  node "n1" { address = "192.0.2.1" }
  node "n2" { address = "192.0.2.2" }
  insecure = true
  tls {
    ca_file   = "DIR/ca.pem"
    cert_file = "DIR/${node.name}.pem"
    key_file  = "DIR/${node.name}-key.pem"
  }
  secrets { route = file("DIR/route") }
  routes {
    user     = "route"
    password = secret.route
  }
  user "alice" { nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4" }
}
`

// TestCheckFiles spoils one thing each in files that are right.
func TestCheckFiles(t *testing.T) {
	day := 24 * time.Hour
	for _, test := range []struct {
		name  string
		self  string
		spoil func(t *testing.T, d *hostDir)
		want  []string // severity, code and part of the detail, in file order
		nodes []string
	}{
		{name: "all right on n1", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.remove(t, "n2.pem", "n2-key.pem") }, nodes: []string{"n1"}},
		{name: "all right on both", self: "n1", nodes: []string{"n1", "n2"}},
		{name: "all right on a control host", nodes: []string{"n1", "n2"}},
		{
			name: "nothing here", spoil: func(t *testing.T, d *hostDir) {
				d.remove(t, "ca.pem", "n1.pem", "n1-key.pem", "n2.pem", "n2-key.pem", "route")
			},
			want: []string{`error UB2102 none of the certificates, keys and secrets of this file is on this machine`},
		},
		{
			name: "no certificate of this node", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.remove(t, "n1.pem", "n1-key.pem", "n2.pem", "n2-key.pem") },
			want:  []string{`error UB2103 cert_file DIR/n1\.pem of node "n1" does not exist`, `error UB2103 key_file DIR/n1-key\.pem of node "n1" does not exist`},
			nodes: []string{"n1"},
		},
		{
			name: "key of another node's missing", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.remove(t, "n2-key.pem") },
			want: []string{`error UB2103 key_file DIR/n2-key\.pem of node "n2" does not exist`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "no authority", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.remove(t, "ca.pem", "n2.pem", "n2-key.pem") },
			want: []string{`error UB2103 ca_file DIR/ca\.pem of node "n1" does not exist`}, nodes: []string{"n1"},
		},
		{
			name: "another authority", self: "n1", spoil: func(t *testing.T, d *hostDir) { newIssuer(t, "other").issue(t, d, "n1", leaf{}) },
			want: []string{`error UB2106 the certificate of node "n1" was issued by "CN=other", which does not lead to ca_file DIR/ca\.pem`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "expired", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.ca.issue(t, d, "n1", leaf{from: -60 * day, to: -time.Hour}) },
			want: []string{`error UB2107 the certificate of node "n1" expired on 20\d\d-\d\d-\d\d \d\d:\d\d UTC`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "expires soon", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.ca.issue(t, d, "n1", leaf{from: -60 * day, to: 12*day + time.Hour}) },
			want: []string{`warning UB2107 the certificate of node "n1" expires in 12 days, on`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "short by design", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.ca.issue(t, d, "n1", leaf{from: -time.Hour, to: day}) },
			nodes: []string{"n1", "n2"},
		},
		{
			name: "not yet valid", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.ca.issue(t, d, "n1", leaf{from: time.Hour, to: 90 * day}) },
			want: []string{`error UB2107 the certificate of node "n1" is not valid before`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "another address", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.ca.issue(t, d, "n1", leaf{names: []string{"192.0.2.9", "n1"}}) },
			want: []string{`error UB2108 the certificate of node "n1" is for n1, 192\.0\.2\.9, and peers dial 192\.0\.2\.1`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "only a common name", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.ca.issue(t, d, "n2", leaf{names: []string{}}) },
			want: []string{`error UB2108 the certificate of node "n2" is for no address or name, and peers dial 192\.0\.2\.2`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "no client usage", self: "n1", spoil: func(t *testing.T, d *hostDir) {
				d.ca.issue(t, d, "n1", leaf{usages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
			},
			want: []string{`error UB2109 the certificate of node "n1" has no usage clientAuth$`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "no usage at all", self: "n1", spoil: func(t *testing.T, d *hostDir) {
				d.ca.issue(t, d, "n1", leaf{usages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
			},
			want: []string{`error UB2109 the certificate of node "n1" has no usage serverAuth and clientAuth$`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "key of another", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.copy(t, "n2-key.pem", "n1-key.pem") },
			want: []string{`error UB2105 key_file DIR/n1-key\.pem is not the key of cert_file DIR/n1\.pem`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "key and certificate swapped", self: "n1", spoil: func(t *testing.T, d *hostDir) {
				d.copy(t, "n1-key.pem", "x")
				d.copy(t, "n1.pem", "n1-key.pem")
				d.copy(t, "x", "n1.pem")
			},
			want: []string{`error UB2103 cert_file DIR/n1\.pem holds no certificate, but a PEM block "PRIVATE KEY"`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "certificate as key", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.copy(t, "n1.pem", "n1-key.pem") },
			want: []string{`error UB2103 key_file DIR/n1-key\.pem holds no private key, but "CERTIFICATE"`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "encrypted key", self: "n1", spoil: func(t *testing.T, d *hostDir) {
				d.write(t, "n1-key.pem", pemText("ENCRYPTED PRIVATE KEY", []byte("x")))
			},
			want: []string{`error UB2103 key_file DIR/n1-key\.pem is encrypted`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "no PEM", self: "n1", spoil: func(t *testing.T, d *hostDir) {
				d.write(t, "n1.pem", "nothing")
				d.write(t, "n2-key.pem", "nothing")
			},
			want:  []string{`error UB2103 cert_file DIR/n1\.pem holds no PEM certificate`, `error UB2103 key_file DIR/n2-key\.pem holds no PEM private key`},
			nodes: []string{"n1", "n2"},
		},
		{
			name: "a broken certificate", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.write(t, "n1.pem", pemText("CERTIFICATE", []byte("x"))) },
			want: []string{`error UB2103 cert_file DIR/n1\.pem holds a broken certificate: x509`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "a directory", self: "n1", spoil: func(t *testing.T, d *hostDir) {
				d.remove(t, "n1.pem")
				if err := os.Mkdir(d.path("n1.pem"), 0o700); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{`error UB2103 cert_file of node "n1" cannot be read: DIR/n1\.pem is not a regular file`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "open key and secret", self: "n1", spoil: func(t *testing.T, d *hostDir) {
				d.chmod(t, "n1-key.pem", 0o644)
				d.chmod(t, "route", 0o640)
			},
			want: []string{
				`error UB2104 DIR/n1-key\.pem is open to everybody on this machine \(mode 0644\)`,
				`warning UB2104 DIR/route is open to its group \(mode 0640\)`,
			},
			nodes: []string{"n1", "n2"},
		},
		{
			name: "no secret", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.remove(t, "route") },
			want: []string{`error UB1206 DIR/route does not exist`}, nodes: []string{"n1", "n2"},
		},
		{name: "no secret on a control host", spoil: func(t *testing.T, d *hostDir) { d.remove(t, "route") }, nodes: []string{"n1", "n2"}},
		{
			name: "empty secret", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.write(t, "route", "\n") },
			want: []string{`error UB1206 DIR/route is empty`}, nodes: []string{"n1", "n2"},
		},
		{
			name: "secret is a directory", self: "n1", spoil: func(t *testing.T, d *hostDir) { d.remove(t, "route"); d.mkdir(t, "route") },
			want: []string{`error UB1206 DIR/route cannot be read: not a regular file`}, nodes: []string{"n1", "n2"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newHostDir(t)
			if test.spoil != nil {
				test.spoil(t, d)
			}
			found, nodes := d.check(t, twoNodes, test.self)
			d.compare(t, found, test.want)
			if diff := cmp.Diff(test.nodes, nodes); diff != "" {
				t.Errorf("nodes -want +got:\n%s", diff)
			}
			for _, f := range found {
				if f.Range.Start.Line == 0 || f.Hint == "" && f.Code != "UB1206" && !strings.Contains(f.Detail, "regular") {
					t.Errorf("no place or no hint: %+v", f)
				}
			}
		})
	}
}

// TestCheckFilesOnePath has the same path on every host: what lies there is this host's.
func TestCheckFilesOnePath(t *testing.T) {
	text := strings.ReplaceAll(twoNodes, "${node.name}", "n2")
	for _, test := range []struct {
		name, self string
		want       []string
		nodes      []string
	}{
		{name: "its own", self: "n2", nodes: []string{"n2"}},
		{name: "another's", self: "n1", want: []string{`error UB2108 the certificate of node "n1" is for 192\.0\.2\.2, and peers dial 192`}, nodes: []string{"n1"}},
		{name: "somewhere else", nodes: []string{"n1", "n2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := newHostDir(t)
			found, nodes := d.check(t, text, test.self)
			d.compare(t, found, test.want)
			if diff := cmp.Diff(test.nodes, nodes); diff != "" {
				t.Errorf("nodes -want +got:\n%s", diff)
			}
		})
	}
}

// TestCheckFilesIntermediate has a certificate that leads to the authority over another one.
func TestCheckFilesIntermediate(t *testing.T) {
	d := newHostDir(t)
	between := d.ca.issuer(t, "between")
	between.issue(t, d, "n1", leaf{})
	found, _ := d.check(t, twoNodes, "n1")
	d.compare(t, found, []string{`error UB2106 the certificate of node "n1" was issued by "CN=between"`})

	cert, err := os.ReadFile(d.path("n1.pem"))
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "n1.pem", string(cert)+pemText("CERTIFICATE", between.cert.Raw))
	found, _ = d.check(t, twoNodes, "n1")
	d.compare(t, found, nil)
}

// TestCheckFilesNotTLS has nothing to check.
func TestCheckFilesNotTLS(t *testing.T) {
	d := newHostDir(t)
	found, nodes := d.check(t, "cluster \"c\" {\n  node \"n1\" { address = \"127.0.0.1\" }\n}\n", "")
	if len(found)+len(nodes) > 0 {
		t.Error(found, nodes)
	}
}

// TestCheckFilesPlaces points at what was written: the file name in tls, and the call of file().
func TestCheckFilesPlaces(t *testing.T) {
	d := newHostDir(t)
	d.chmod(t, "n1-key.pem", 0o604)
	d.chmod(t, "route", 0o604)
	found, _ := d.check(t, twoNodes, "n1")
	var places []string
	for _, f := range found {
		places = append(places, d.cut(f.Range))
	}
	slices.Sort(places)
	if diff := cmp.Diff([]string{`"DIR/${node.name}-key.pem"`, `file("DIR/route")`}, places); diff != "" {
		t.Error(diff)
	}
}

// hostDir holds the files of a host.
type hostDir struct {
	dir  string
	ca   *issuer
	text string // of the last check
}

// newHostDir has everything that both nodes need.
func newHostDir(t *testing.T) *hostDir {
	t.Helper()
	d := &hostDir{dir: t.TempDir(), ca: newIssuer(t, "authority")}
	d.write(t, "ca.pem", pemText("CERTIFICATE", d.ca.cert.Raw))
	d.write(t, "route", "0123456789abcdef\n")
	d.ca.issue(t, d, "n1", leaf{})
	d.ca.issue(t, d, "n2", leaf{})
	return d
}

func (d *hostDir) check(t *testing.T, text, self string) ([]hclconf.Diagnostic, []string) {
	t.Helper()
	d.text = strings.ReplaceAll(text, "DIR", d.dir)
	c := hclconf.Load("f.hcl", []byte(d.text), hclconf.Host{})
	if c.Topology == nil {
		t.Fatal(c.Diagnostics)
	}
	return CheckFiles(c, []byte(d.text), self, time.Now())
}

func (d *hostDir) compare(t *testing.T, found []hclconf.Diagnostic, want []string) {
	t.Helper()
	var got []string
	for _, f := range found {
		got = append(got, string(f.Severity)+" "+string(f.Code)+" "+f.Detail)
	}
	slices.Sort(got)
	slices.Sort(want)
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !regexp.MustCompile(strings.ReplaceAll(want[i], "DIR", d.dir)).MatchString(got[i]) {
			t.Fatalf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// cut is the text of a range.
func (d *hostDir) cut(r hclconf.Range) string {
	return strings.ReplaceAll(d.text[r.Start.Byte:r.End.Byte], d.dir, "DIR")
}

func (d *hostDir) path(name string) string { return filepath.Join(d.dir, name) }

func (d *hostDir) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *hostDir) copy(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(d.path(from))
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, to, string(b))
}

func (d *hostDir) remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(d.path(name)); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *hostDir) mkdir(t *testing.T, name string) {
	t.Helper()
	if err := os.Mkdir(d.path(name), 0o700); err != nil {
		t.Fatal(err)
	}
}

func (d *hostDir) chmod(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(d.path(name), mode); err != nil {
		t.Fatal(err)
	}
}

// issuer signs certificates.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// leaf is what is special about a certificate. What is nil is right.
type leaf struct {
	from, to time.Duration // from now; a year before and after, if both are 0
	names    []string
	usages   []x509.ExtKeyUsage
}

func newIssuer(t *testing.T, name string) *issuer {
	t.Helper()
	return (&issuer{}).issuer(t, name)
}

// issuer is another authority, signed by this one, or by itself where this one has no key.
func (i *issuer) issuer(t *testing.T, name string) *issuer {
	t.Helper()
	key := newKey(t)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-365 * 24 * time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	parent, signer := cert, key
	if i.key != nil {
		parent, signer = i.cert, i.key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &issuer{cert, key}
}

// issue writes the certificate and the key of a node.
func (i *issuer) issue(t testing.TB, d *hostDir, name string, l leaf) {
	t.Helper()
	if l.from == 0 && l.to == 0 {
		l.from, l.to = -300*24*time.Hour, 300*24*time.Hour
	}
	if l.names == nil {
		l.names = map[string][]string{"n1": {"192.0.2.1"}, "n2": {"192.0.2.2"}}[name]
	}
	if l.usages == nil {
		l.usages = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	key := newKey(t)
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(l.from), NotAfter: time.Now().Add(l.to),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: l.usages,
	}
	for _, n := range l.names {
		if ip := net.ParseIP(n); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, i.cert, key.Public(), i.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, name+".pem", pemText("CERTIFICATE", der))
	d.write(t, name+"-key.pem", pemText("PRIVATE KEY", keyDER))
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
