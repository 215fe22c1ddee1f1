package tlsprobe

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

// Only where an issuer is not known at all may one not have been sent.
func TestWhyAChainIsNotTrusted(t *testing.T) {
	t.Parallel()
	root := (*maker)(nil).make(t, "root", -99*day, 1000*day, authority)
	inter := root.make(t, "intermediate", -99*day, 500*day, authority)
	namesake := root.make(t, "intermediate", -99*day, 500*day, authority)
	plain := root.make(t, "no authority", -99*day, 500*day, nil)
	narrow := root.make(t, "narrow", -99*day, 500*day, func(c *x509.Certificate) {
		authority(c)
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
	})
	self := (*maker)(nil).make(t, "self", -day, 90*day, server)
	clients := (*maker)(nil).make(t, "clients", -day, 90*day, func(c *x509.Certificate) {
		server(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	other := (*maker)(nil).make(t, "self", -day, 90*day, func(c *x509.Certificate) { server(c); authority(c) })
	leaf := func(m *maker, change func(*x509.Certificate)) *maker {
		return m.make(t, "leaf", -day, 90*day, func(c *x509.Certificate) {
			server(c)
			if change != nil {
				change(c)
			}
		})
	}
	for _, c := range []struct {
		name   string
		chain  []*maker
		roots  []*maker
		detail string
		ends   string // of the detail
	}{
		{"an intermediate is missing", []*maker{leaf(inter, nil)}, []*maker{root}, "unknown authority", "does the server send every intermediate certificate?"},
		{"a foreign root is not sent", []*maker{leaf(inter, nil), inter}, []*maker{self}, "unknown authority", "does the server send every intermediate certificate?"},
		{"for clients only", []*maker{leaf(inter, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), inter}, []*maker{root}, "key usage", "key usage"},
		{"of other names than its authority may have", []*maker{leaf(narrow, nil), narrow}, []*maker{root}, "constraint", "constraint"},
		{"of an issuer that is no authority", []*maker{leaf(plain, nil), plain}, []*maker{root}, "", `"no authority")`},
		{"of SHA-1", []*maker{leaf(inter, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }), inter}, []*maker{root}, "SHA1", `"intermediate")`},
		{"a namesake of the intermediate", []*maker{leaf(inter, nil), namesake}, []*maker{root}, "verification", `"intermediate")`},
		{"self-signed", []*maker{self}, []*maker{root}, "unknown authority", "; it is self-signed"},
		{"self-signed and trusted, but for clients only", []*maker{clients}, []*maker{clients}, "key usage", "key usage"},
		{"self-signed, an older one is trusted", []*maker{self}, []*maker{other}, "verification", "; it is self-signed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options(shows(t, nil, c.chain...), func(o *Options) { o.TLS.CAFile = file(t, c.roots...) }), probes.Target{}, probetest.Limit)
			require.Equal(t, probes.ReasonCertificateUntrusted, got.Reason, got.Detail)
			require.Contains(t, got.Detail, c.detail)
			require.True(t, strings.HasSuffix(got.Detail, c.ends), got.Detail)
		})
	}
}
