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
	"slices"
	"time"

	"unibus/config/schema"
)

// devCA is the throw-away authority of a development cluster. Its key never leaves the process.
type devCA struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newDevCA is nil when no node has TLS.
func newDevCA(dir string, nodes []*schema.Node) (*devCA, error) {
	if !slices.ContainsFunc(nodes, func(n *schema.Node) bool { return n.TLS != nil }) {
		return nil, nil
	}
	ca := &devCA{dir: filepath.Join(dir, "tls")}
	if err := os.MkdirAll(ca.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if ca.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	now := time.Now()
	ca.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "unibus dev"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca.cert, ca.cert, ca.key.Public(), ca.key)
	if err != nil {
		return nil, err
	}
	return ca, writePEM(filepath.Join(ca.dir, "ca.pem"), "CERTIFICATE", der)
}

// issue makes a certificate for the loopback interface and puts its files in place of those of the topology.
func (ca *devCA) issue(t *schema.TLS, name string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: ca.cert.NotBefore, NotAfter: ca.cert.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{name, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.cert, key.Public(), ca.key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	t.CAFile, t.CertFile, t.KeyFile = filepath.Join(ca.dir, "ca.pem"), filepath.Join(ca.dir, name+".pem"), filepath.Join(ca.dir, name+"-key.pem")
	if err := writePEM(t.CertFile, "CERTIFICATE", der); err != nil {
		return err
	}
	return writePEM(t.KeyFile, "PRIVATE KEY", keyDER)
}

func writePEM(name, kind string, der []byte) error {
	return os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
