package fetch

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

// A certificate that nothing rests on, such as an expired cross-signature that a
// server still sends for old clients, ends no chain.
func TestWhatNothingRestsOnDoesNotCount(t *testing.T) {
	t.Parallel()
	ca, foreign := fetchtest.NewCA(t), fetchtest.NewCA(t)
	old := foreign.Issue(t, time.Now().Add(-30*24*time.Hour), "old root").Certificate[0]
	expired := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		name  string
		until time.Time
		tls   TLS
	}{
		{"verified", tomorrow, TLS{CAFile: ca.File}},
		{"unverified", tomorrow, TLS{InsecureSkipVerify: true}},
		{"refused", tomorrow, TLS{CAFile: foreign.File}},
		{"expired", expired, TLS{CAFile: ca.File}},
	} {
		cert := ca.Issue(t, c.until, "127.0.0.1")
		// Beside a copy of its own issuer, as many servers send it.
		cert.Certificate = append(cert.Certificate, ca.Certificate(), old)
		server := fetchtest.Server(t, cert, ok)
		s := open(t, Options{TLS: c.tls}, server.URL, "")
		_, _ = get(t, within(t, 10*time.Second), s, server.URL)
		require.True(t, c.until.Equal(s.Seen.CertificateNotAfter), "%s: %s", c.name, s.Seen.CertificateNotAfter)
	}
}

// link is a certificate and its key.
type link struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue signs a certificate that is valid from an hour ago for some hours; a key
// of its own makes it the authority's.
func (l *link) issue(t *testing.T, name string, key *ecdsa.PrivateKey, hours int, ca bool) *link {
	t.Helper()
	if key == nil {
		var err error
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true, IsCA: ca,
		NotBefore: time.Now().Add(-999 * time.Hour), NotAfter: time.Now().Add(time.Duration(hours) * time.Hour).Truncate(time.Second),
	}
	parent, signer := template, key
	if l != nil {
		parent, signer = l.Certificate, l.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &link{cert, key}
}

func TestChainEnd(t *testing.T) {
	t.Parallel()
	now := time.Now()
	older := (*link)(nil).issue(t, "older root", nil, 900, true)
	root := (*link)(nil).issue(t, "root", nil, 800, true)
	crossed := older.issue(t, "root", root.key, -50, true)
	ending := older.issue(t, "root", root.key, 20, true)
	inter := root.issue(t, "intermediate", nil, 600, true)
	short := root.issue(t, "intermediate", inter.key, 30, true)
	leaf, gone := inter.issue(t, "leaf", nil, 90, false), inter.issue(t, "leaf", nil, -9, false)
	pool := func(l *link) *x509.CertPool { p := x509.NewCertPool(); p.AddCert(l.Certificate); return p }
	for _, c := range []struct {
		name  string
		sent  []*link
		trust *x509.CertPool // nil: nothing is verified
		want  *link          // the one whose end counts
	}{
		{"leaf", []*link{leaf}, nil, leaf},
		{"chain", []*link{leaf, inter}, pool(root), leaf},
		{"expired cross-signature", []*link{leaf, inter, crossed}, pool(root), leaf},
		{"expired cross-signature, unverified", []*link{leaf, inter, crossed}, nil, leaf},
		{"cross-signature that ends", []*link{leaf, inter, ending}, pool(root), leaf},
		{"the only way is a cross-signature that ends", []*link{leaf, inter, ending}, pool(older), ending},
		{"two intermediates, the better counts", []*link{leaf, short, inter}, pool(root), leaf},
		{"the intermediate ends first", []*link{leaf, short}, pool(root), short},
		{"the intermediate ends first, unverified", []*link{leaf, short}, nil, short},
		{"expired, and a cross-signature before it", []*link{gone, inter, crossed}, nil, gone},
		{"no chain at all", []*link{leaf, crossed}, nil, crossed},
	} {
		var sent []*x509.Certificate
		others := x509.NewCertPool()
		for _, l := range c.sent {
			sent = append(sent, l.Certificate)
			others.AddCert(l.Certificate)
		}
		var verified [][]*x509.Certificate
		if c.trust != nil {
			var err error
			verified, err = sent[0].Verify(x509.VerifyOptions{Roots: c.trust, Intermediates: others})
			require.NoError(t, err, c.name)
		}
		require.Equal(t, c.want.NotAfter, ChainEnd(sent, verified, now), c.name)
	}
	require.True(t, ChainEnd(nil, nil, now).IsZero())
	many := make([]*x509.Certificate, 99)
	for i := range many {
		many[i] = leaf.Certificate
	}
	require.Nil(t, Linked(many, now), "no more is checked than a server may ask for")
	require.Equal(t, leaf.NotAfter, ChainEnd(many, nil, now))
}

func TestWhileValid(t *testing.T) {
	t.Parallel()
	from, to := time.Unix(1000, 0), time.Unix(2000, 0)
	c := &x509.Certificate{NotBefore: from, NotAfter: to}
	for at, want := range map[int64]int64{1: 1000, 1500: 1500, 3000: 2000} {
		require.Equal(t, want, WhileValid(c, time.Unix(at, 0)).Unix())
	}
}
