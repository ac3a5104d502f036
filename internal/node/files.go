package node

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"unibus/config/schema"
	"unibus/internal/hclconf"
	"unibus/internal/pki"
)

// renewal is how long before its end a certificate is worth a warning.
const renewal = 30 * 24 * time.Hour

// CheckFiles opens the certificates, keys and secrets that a file without errors names, as far as they are on this
// machine, and returns what is wrong with them at the given time. The files of the node called self have to be here;
// self may be "", when no node is. Of the other nodes those are checked whose certificate or key is here. Files that are
// yet to be copied to their host are here as well (pki.Dir). It also returns the names of the nodes that were checked.
func CheckFiles(c *hclconf.Config, text []byte, self string, now time.Time) (found []hclconf.Diagnostic, nodes []string) {
	f := newFiles(c, self, now)
	secrets := f.secrets(text)
	f.ageKeys(text)
	for _, n := range c.Topology.Nodes() {
		if n.TLS != nil && (n.Name == self || f.here(n)) {
			f.node(n)
			nodes = append(nodes, n.Name)
		}
	}
	if len(nodes) == 0 && secrets == 0 && (self == "" && f.named(c.Topology)) {
		f.problem(c.Topology.Clusters[0], hclconf.CodeNoFiles, "none of the certificates, keys and secrets of this file is on this machine",
			"run it on a host of the file, or say which node this host is with --node NAME")
	}
	if len(nodes) == 0 && self != "" {
		nodes = []string{self}
	}
	return f.found, nodes
}

// CheckCertificate is CheckFiles for the certificate of one node, which must be here.
func CheckCertificate(c *hclconf.Config, n *schema.Node, now time.Time) []hclconf.Diagnostic {
	f := newFiles(c, n.Name, now)
	f.node(n)
	return f.found
}

// Place is where a file of a node is on this machine: in the directory beside the unibus file that has what goes to the
// node's host, else at its path.
func Place(c *hclconf.Config, node, path string) string {
	dir := pki.Dir(filepath.Dir(c.Name))
	if exists(dir.Host(node)) {
		return dir.At(node, path)
	}
	return path
}

// files is the state of one CheckFiles.
type files struct {
	config *hclconf.Config
	self   string
	now    time.Time
	found  []hclconf.Diagnostic
	paths  map[string]paths // of the nodes
	// installed tells that files are looked for where the daemon opens them, and nowhere else.
	installed bool
}

// paths are where the files of a node are on this machine.
type paths struct{ ca, cert, key string }

func newFiles(c *hclconf.Config, self string, now time.Time) *files {
	f := &files{config: c, self: self, now: now, paths: map[string]paths{}}
	for _, n := range c.Topology.Nodes() {
		if t := n.TLS; t != nil {
			f.paths[n.Name] = paths{Place(c, n.Name, t.CAFile), Place(c, n.Name, t.CertFile), Place(c, n.Name, t.KeyFile)}
		}
	}
	return f
}

func (f *files) problem(at any, code hclconf.Code, detail, hint string) *hclconf.Diagnostic {
	f.found = append(f.found, f.config.Problem(at, code, detail, hint))
	return &f.found[len(f.found)-1]
}

func (f *files) warning(at any, code hclconf.Code, detail, hint string) {
	f.problem(at, code, detail, hint).Severity = hclconf.Warning
}

// here tells whether a node other than this host's has its files on this machine. Where all nodes have the same path,
// what lies there belongs to the node that this host is.
func (f *files) here(n *schema.Node) bool {
	if f.self != "" && f.shared(n) {
		return false
	}
	return exists(f.paths[n.Name].cert) || exists(f.paths[n.Name].key)
}

// shared tells whether another node has the same cert_file.
func (f *files) shared(n *schema.Node) bool {
	return slices.ContainsFunc(f.config.Topology.Nodes(), func(o *schema.Node) bool {
		return o != n && o.TLS != nil && f.paths[o.Name].cert == f.paths[n.Name].cert
	})
}

// named tells whether a topology names any file at all.
func (f *files) named(t *schema.Topology) bool {
	return len(t.Secrets) > 0 || slices.ContainsFunc(t.Nodes(), func(n *schema.Node) bool { return n.TLS != nil })
}

// node checks the certificate files of one node.
func (f *files) node(n *schema.Node) {
	t, p := n.TLS, f.paths[n.Name]
	ca, caOK := f.read(n, &t.CAFile, p.ca, "ca_file")
	cert, certOK := f.read(n, &t.CertFile, p.cert, "cert_file")
	key, keyOK := f.read(n, &t.KeyFile, p.key, "key_file")
	if keyOK {
		f.mode(&t.KeyFile, p.key)
	}
	roots := x509.NewCertPool()
	if caOK {
		caOK = f.authorities(n, roots, ca)
	}
	if !certOK {
		return
	}
	chain, ok := f.chain(n, cert)
	if !ok {
		return
	}
	if keyOK {
		f.key(n, cert, key)
	}
	f.expiry(&t.CertFile, n, "the certificate of node "+strconv.Quote(n.Name), chain[0])
	if caOK {
		f.trust(n, chain, roots)
	}
	f.names(n, chain[0])
}

// read opens one of a node's files.
func (f *files) read(n *schema.Node, at any, path, setting string) ([]byte, bool) {
	b, err := readRegular(path)
	switch {
	case err == nil:
		return b, true
	case errors.Is(err, fs.ErrPermission):
		f.warning(at, hclconf.CodeFile, fmt.Sprintf("%s %s of node %q was not checked: permission denied", setting, path, n.Name),
			"run the command as the user that unibus runs as")
	case errors.Is(err, fs.ErrNotExist):
		f.problem(at, hclconf.CodeFile, fmt.Sprintf("%s %s of node %q does not exist", setting, path, n.Name), "put it there, or correct the path")
	default:
		f.problem(at, hclconf.CodeFile, fmt.Sprintf("%s of node %q cannot be read: %v", setting, n.Name, err), "")
	}
	return nil, false
}

// authorities reads ca_file.
func (f *files) authorities(n *schema.Node, roots *x509.CertPool, ca []byte) bool {
	t := n.TLS
	all, err := certificates(ca)
	if err != nil {
		f.problem(&t.CAFile, hclconf.CodeFile, fmt.Sprintf("ca_file %s %v", f.paths[n.Name].ca, err), "a PEM file with the certificates of the authorities")
		return false
	}
	for _, cert := range all {
		roots.AddCert(cert)
		f.expiry(&t.CAFile, n, "the authority "+strconv.Quote(cert.Subject.String()), cert)
	}
	return true
}

// chain reads cert_file.
func (f *files) chain(n *schema.Node, cert []byte) ([]*x509.Certificate, bool) {
	chain, err := certificates(cert)
	if err != nil {
		f.problem(&n.TLS.CertFile, hclconf.CodeFile, fmt.Sprintf("cert_file %s %v", f.paths[n.Name].cert, err),
			"a PEM file with the node's certificate, and those of intermediate authorities behind it")
	}
	return chain, err == nil
}

// key makes sure that a key belongs to a certificate.
func (f *files) key(n *schema.Node, cert, key []byte) {
	t := n.TLS
	if _, err := tls.X509KeyPair(cert, key); err == nil {
		return
	}
	if what := notKey(key); what != "" {
		f.problem(&t.KeyFile, hclconf.CodeFile, fmt.Sprintf("key_file %s %s", f.paths[n.Name].key, what), "a PEM file with the private key, without a passphrase")
		return
	}
	f.problem(&t.KeyFile, hclconf.CodeKey, fmt.Sprintf("key_file %s is not the key of cert_file %s", f.paths[n.Name].key, f.paths[n.Name].cert),
		"install both from the same issue, for node "+strconv.Quote(n.Name))
}

// expiry makes sure that a certificate is valid now and for a while.
func (f *files) expiry(at any, n *schema.Node, what string, cert *x509.Certificate) {
	hint := "renew it: unibus pki renew, or where it was issued; a running daemon takes the new one up by itself"
	left := cert.NotAfter.Sub(f.now)
	switch {
	case f.now.Before(cert.NotBefore):
		f.problem(at, hclconf.CodeExpiry, fmt.Sprintf("%s is not valid before %s", what, stamp(cert.NotBefore)), "check the clocks of this machine and of the one that issued it")
	case left <= 0:
		f.problem(at, hclconf.CodeExpiry, fmt.Sprintf("%s expired on %s", what, stamp(cert.NotAfter)), hint)
	case left < renewal && cert.NotAfter.Sub(cert.NotBefore) > renewal:
		f.warning(at, hclconf.CodeExpiry, fmt.Sprintf("%s expires in %s, on %s", what, days(left), stamp(cert.NotAfter)), hint)
	}
}

// trust makes sure that peers accept a certificate from either end of a route.
func (f *files) trust(n *schema.Node, chain []*x509.Certificate, roots *x509.CertPool) {
	t := n.TLS
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	verify := func(usage x509.ExtKeyUsage) error {
		_, err := chain[0].Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: between, CurrentTime: within(chain[0], f.now), KeyUsages: []x509.ExtKeyUsage{usage},
		})
		return err
	}
	if err := verify(x509.ExtKeyUsageAny); err != nil {
		detail := fmt.Sprintf("the certificate of node %q does not lead to ca_file %s: %v", n.Name, f.paths[n.Name].ca, trim(err))
		if errors.As(err, new(x509.UnknownAuthorityError)) {
			detail = fmt.Sprintf("the certificate of node %q was issued by %q, which does not lead to ca_file %s", n.Name, chain[0].Issuer, f.paths[n.Name].ca)
		}
		d := f.problem(&t.CertFile, hclconf.CodeChain, detail, "a certificate of one of the authorities in ca_file, with intermediate ones behind it in cert_file")
		if at, ok := f.config.At(&t.CAFile); ok {
			at.Filename = f.config.Name
			d.Related = []hclconf.Related{{Message: "the ca_file", Range: at}}
		}
		return
	}
	var missing []string
	for _, u := range []struct {
		usage x509.ExtKeyUsage
		name  string
	}{{x509.ExtKeyUsageServerAuth, "serverAuth"}, {x509.ExtKeyUsageClientAuth, "clientAuth"}} {
		if verify(u.usage) != nil {
			missing = append(missing, u.name)
		}
	}
	if len(missing) > 0 {
		f.problem(&t.CertFile, hclconf.CodeUsage, fmt.Sprintf("the certificate of node %q has no usage %s", n.Name, strings.Join(missing, " and ")),
			"issue it for both serverAuth and clientAuth")
	}
}

// names makes sure that a certificate is for the address that peers dial. A certificate at a path that several nodes
// share, on a machine that is none of them, has to be for one of them.
func (f *files) names(n *schema.Node, cert *x509.Certificate) {
	if cert.VerifyHostname(n.Address) == nil {
		return
	}
	if n.Name != f.self && f.shared(n) && slices.ContainsFunc(f.config.Topology.Nodes(), func(o *schema.Node) bool {
		return o.TLS != nil && f.paths[o.Name].cert == f.paths[n.Name].cert && cert.VerifyHostname(o.Address) == nil
	}) {
		return
	}
	f.problem(&n.TLS.CertFile, hclconf.CodeSAN, fmt.Sprintf("the certificate of node %q is for %s, and peers dial %s", n.Name, validFor(cert), n.Address),
		"issue it with the subject alternative name "+sanOf(n.Address))
}

// mode makes sure that nobody but the owner reads a file.
func (f *files) mode(at any, path string) {
	severity, who := openTo(path)
	if severity == "" {
		return
	}
	f.problem(at, hclconf.CodeMode, modeDetail(path, who), "chmod 600 "+path).Severity = severity
}

// secrets checks what file() reads, and returns how many such files are here. The language knows values, not paths, so
// the file is loaded with readers that watch.
func (f *files) secrets(text []byte) int {
	here := map[string]bool{}
	host := hclconf.Host{Node: f.self, ReadFile: func(path string) ([]byte, error) {
		at := f.secretAt(path)
		here[path] = exists(at)
		if here[path] && !regular(at) {
			return nil, errors.New("not a regular file")
		}
		return hclconf.ThisHost(f.self).ReadFile(at)
	}}
	host.Age = f.age()
	read := hclconf.Load(f.config.Name, text, host)
	if f.self != "" { // elsewhere a secret need not be
		f.found = append(f.found, without(read.Diagnostics, f.config.Diagnostics)...)
	}
	n := 0
	for _, path := range slices.Sorted(maps.Keys(here)) {
		if !here[path] {
			continue
		}
		n++
		at := f.secretAt(path)
		if severity, who := openTo(at); severity != "" {
			for _, d := range f.uses(text, path) {
				d.Severity, d.Code, d.Detail, d.Hint = severity, hclconf.CodeMode, modeDetail(at, who), "chmod 600 "+at
				f.found = append(f.found, d)
			}
		}
	}
	return n
}

// secretAt is where a secret of the node that this host is lies on this machine.
func (f *files) secretAt(path string) string {
	if f.self == "" || f.installed {
		return path
	}
	return Place(f.config, f.self, path)
}

// age decrypts with the key of the node that this host is; on a machine that is none, what is encrypted stays unknown.
func (f *files) age() func(string) (string, error) {
	if f.self == "" {
		return nil
	}
	keys := hclconf.AgeKeys()
	if at := f.secretAt(hclconf.AgeKeyFile); exists(at) && keys[0] == hclconf.AgeKeyFile {
		keys = []string{at}
	}
	return hclconf.OpenAge(f.self, keys, hclconf.ThisHost(f.self).ReadFile)
}

// ageKeys checks the age keys that are here: who may read them, and whether the secrets are encrypted for them.
func (f *files) ageKeys(text []byte) {
	for _, n := range f.config.Topology.Nodes() {
		key := Place(f.config, n.Name, hclconf.AgeKeyFile)
		if !exists(key) || key == hclconf.AgeKeyFile && n.Name != f.self {
			continue
		}
		f.mode(&n.AgeRecipient, key)
		if n.Name != f.self { // whose secrets have been read
			host := hclconf.Host{Node: n.Name, Age: hclconf.OpenAge(n.Name, []string{key}, readRegular)}
			f.found = append(f.found, without(hclconf.Load(f.config.Name, text, host).Diagnostics, f.config.Diagnostics)...)
		}
	}
}

// uses are the places where file() reads a path: those that complain when only this path is denied.
func (f *files) uses(text []byte, path string) []hclconf.Diagnostic {
	denied := hclconf.Load(f.config.Name, text, hclconf.Host{Node: f.self, ReadFile: func(p string) ([]byte, error) {
		if p == path {
			return nil, fs.ErrPermission
		}
		return []byte(p), nil
	}})
	return slices.DeleteFunc(denied.Diagnostics, func(d hclconf.Diagnostic) bool { return !d.Code.Denied() })
}

// without are the diagnostics that were not there before.
func without(all, before []hclconf.Diagnostic) []hclconf.Diagnostic {
	return slices.DeleteFunc(slices.Clone(all), func(d hclconf.Diagnostic) bool {
		return slices.ContainsFunc(before, func(b hclconf.Diagnostic) bool {
			return b.Code == d.Code && b.Range == d.Range && b.Detail == d.Detail
		})
	})
}

// openTo is who else may read or write a file, and how bad that is; "" when nobody may.
func openTo(path string) (hclconf.Severity, string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", ""
	case info.Mode().Perm()&0o007 != 0:
		return hclconf.Error, fmt.Sprintf("everybody on this machine (mode %04o)", info.Mode().Perm())
	case info.Mode().Perm()&0o070 != 0:
		return hclconf.Warning, fmt.Sprintf("its group (mode %04o)", info.Mode().Perm())
	}
	return "", ""
}

func modeDetail(path, who string) string { return fmt.Sprintf("%s is open to %s", path, who) }

func exists(path string) bool { _, err := os.Stat(path); return !errors.Is(err, fs.ErrNotExist) }

func regular(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular()
}

// maxPEM is more than any chain of certificates has.
const maxPEM = 1 << 20

// readRegular reads a file that cannot block or be endless.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Size() > maxPEM:
		return nil, fmt.Errorf("%s has %d bytes, more than any certificate", path, info.Size())
	}
	return os.ReadFile(path)
}

// certificates are the certificates of a PEM file; the error reads behind the name of the file.
func certificates(text []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	other := ""
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			other = block.Type
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("holds a broken certificate: %w", err)
		}
		all = append(all, cert)
	}
	switch {
	case len(all) > 0:
		return all, nil
	case other != "":
		return nil, fmt.Errorf("holds no certificate, but a PEM block %q", other)
	}
	return nil, errors.New("holds no PEM certificate")
}

// notKey is why a file cannot be a private key, behind the name of the file, or "".
func notKey(text []byte) string {
	var types []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return "is encrypted, and nobody is there to type the passphrase"
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return ""
		}
		types = append(types, strconv.Quote(block.Type))
	}
	if len(types) == 0 {
		return "holds no PEM private key"
	}
	return "holds no private key, but " + strings.Join(types, " and ")
}

// within is a moment as near to now as the validity of a certificate allows, so that expiry is reported only once.
func within(cert *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.Before(cert.NotBefore):
		return cert.NotBefore
	case now.After(cert.NotAfter):
		return cert.NotAfter
	}
	return now
}

// validFor are the names that a certificate is valid for.
func validFor(cert *x509.Certificate) string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no address or name"
	}
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	return strings.Join(names, ", ")
}

// sanOf is the subject alternative name for an address, as openssl writes it.
func sanOf(address string) string {
	if net.ParseIP(address) != nil {
		return "IP:" + address
	}
	return "DNS:" + address
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// trim takes the package name off an error of crypto/x509.
func trim(err error) string { return strings.TrimPrefix(err.Error(), "x509: ") }
