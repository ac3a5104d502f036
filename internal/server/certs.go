package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"unibus/config/schema"
)

// Files are the authorities, the certificate and the key of the node, as the file names them; none without TLS.
func (c Conf) Files() []string {
	t := c.node.TLS
	if t == nil {
		return nil
	}
	return []string{t.CAFile, t.CertFile, t.KeyFile}
}

// checkFiles opens the certificates of the node, because nats-server's own errors about them do not name the setting.
func (c Conf) checkFiles() error {
	t := c.node.TLS
	if t == nil {
		return nil
	}
	cert, err := readFile(&t.CertFile, "cert_file")
	if err != nil {
		return err
	}
	key, err := readFile(&t.KeyFile, "key_file")
	if err != nil {
		return err
	}
	ca, err := readFile(&t.CAFile, "ca_file")
	if err != nil {
		return err
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		return &Error{
			Kind:    KindCertificate,
			At:      &t.KeyFile,
			Summary: fmt.Sprintf("cert_file %q and key_file %q do not make a certificate", t.CertFile, t.KeyFile),
			Hint:    "both must be PEM files, and the key the one the certificate was issued for",
			Err:     err,
		}
	}
	if !x509.NewCertPool().AppendCertsFromPEM(ca) {
		return &Error{Kind: KindCertificate, At: &t.CAFile, Summary: fmt.Sprintf("ca_file %q holds no PEM certificate", t.CAFile)}
	}
	return nil
}

func readFile(path *string, setting string) ([]byte, error) {
	info, err := os.Stat(*path)
	if err == nil && !info.Mode().IsRegular() { // a pipe would block for ever
		err = fmt.Errorf("%s is not a regular file", *path)
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(*path)
	}
	if err != nil {
		hint := "put it there, or correct the path"
		if errors.Is(err, fs.ErrPermission) {
			hint = "let the user read it that unibus runs as: chown or chgrp " + *path
		}
		return nil, &Error{Kind: KindCertificate, At: path, Summary: fmt.Sprintf("cannot read %s", setting), Hint: hint, Err: err}
	}
	return b, nil
}

// distrust is why the peers of this node will not accept its certificate, or nil. It is no reason not to start: the
// clients of the node may see it differently.
func (c Conf) distrust() error {
	if c.node.TLS == nil || c.topology.Standalone() {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.node.TLS.CertFile, c.node.TLS.KeyFile)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(c.node.TLS.CAFile)
	if err != nil {
		return err
	}
	return distrusted(pair, ca, c.node)
}

// distrusted is why a node's certificate does not do for routes, which are dialled by both ends: it must be valid for
// the address that is dialled and for both usages.
func distrusted(pair tls.Certificate, ca []byte, n *schema.Node) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	for _, der := range pair.Certificate[1:] {
		if cert, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(cert)
		}
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		opts := x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}}
		if _, err := pair.Leaf.Verify(opts); err != nil {
			return err
		}
	}
	return pair.Leaf.VerifyHostname(n.Address)
}
