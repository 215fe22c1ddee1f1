package test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// TestOldProtocolsAgainstOpenSSL tries servers that agree on old protocols by
// cipher suites of their time, and servers that refuse them, each in its way.
func TestOldProtocolsAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	a := &authority{t, t.TempDir()}
	openssl(t, a.dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90", "-keyout", "rsa.key", "-out", "rsa.pem", "-subj", "/CN=rsa", "-addext", "subjectAltName=IP:127.0.0.1")
	trust := fmt.Sprintf("tls: {ca_file: %q}\n", filepath.Join(a.dir, "rsa.pem"))
	const refuses, floor13 = "refuses_older: true\n", "refuses_older: true\nmin_version: '1.3'\n"
	old := func(suites string) []string {
		return []string{"-min_protocol", "TLSv1", "-cipher", suites + ":@SECLEVEL=0"}
	}
	for _, c := range []struct {
		name, more string
		server     []string
		outcome    probes.Outcome
		reason     probes.Reason
		detail     string
	}{
		{"TLS 1.1 with RSA", refuses, old("AES128-SHA"), probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.1"},
		{"TLS 1.0 with RSA", refuses, append(old("AES128-SHA"), "-no_tls1_1"), probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.0"},
		{"TLS 1.1 with DHE", refuses, old("DHE-RSA-AES256-SHA"), probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.1"},
		{"TLS 1.1 with Camellia", refuses, old("CAMELLIA128-SHA"), probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.1"},
		{"TLS 1.1 without encryption", refuses, old("NULL-SHA"), probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.1"},
		{"TLS 1.1 with ECDHE", refuses, old("ECDHE-RSA-AES128-SHA"), probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.1"},
		{"TLS 1.2 with DHE below TLS 1.3", floor13, []string{"-cipher", "DHE-RSA-AES128-GCM-SHA256"}, probes.Fail, probes.ReasonTLSVersion, "agrees on TLS 1.2"},
		{"TLS 1.2 with RSA is fine", refuses, []string{"-tls1_2", "-cipher", "AES128-GCM-SHA256"}, probes.Pass, "", ""},
		{"forbidden by the security level", refuses, []string{"-min_protocol", "TLSv1", "-cipher", "AES128-SHA:@SECLEVEL=1"}, probes.Pass, "", ""},
		{"forbidden by the version", refuses, []string{"-min_protocol", "TLSv1.2"}, probes.Pass, "", ""},
		{"TLS 1.3 alone", floor13, []string{"-tls1_3"}, probes.Pass, "", ""},
		{"a suite that browsers have given up", refuses, []string{"-tls1_2", "-cipher", "AES128-SHA256"}, probes.Fail, probes.ReasonTLS, "browsers no longer offer"},
	} {
		r := runProbe(t, "kind: tls # "+c.name+"\naddress: "+a.serve("rsa", "", c.server...)+"\n"+trust+c.more)
		require.Equal(t, c.outcome, r.Outcome, "%s: %s", c.name, r.Detail)
		require.Equal(t, c.reason, r.Reason, "%s: %s", c.name, r.Detail)
		require.Contains(t, r.Detail, c.detail, c.name)
		require.WithinDuration(t, time.Now().AddDate(0, 0, 90), r.Facts.CertificateNotAfter, 24*time.Hour, c.name)
	}

	// A balancer in front that hangs up on old offers, and one that swallows them.
	counterpart(t, "haproxy")
	server := a.serve("rsa", "", old("AES128-SHA")...)
	for verdict, want := range map[string]probes.Outcome{"reject": probes.Pass, "silent-drop": probes.Unknown} {
		address := "127.0.0.1:" + freePort(t)
		config := writeFile(t, t.TempDir(), "haproxy.cfg", "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\nfrontend f\n  bind "+address+
			"\n  tcp-request inspect-delay 5s\n  tcp-request content "+verdict+" if { req.ssl_hello_type 1 } { req.ssl_ver lt 3.3 }\n  tcp-request content accept if { req.ssl_hello_type 1 }\n"+
			"  default_backend b\nbackend b\n  server s "+server+"\n")
		startCommand(t, debianCommand(t, "haproxy", "-f", config))
		waitOpen(t, address, true)
		r := runProbeAt(t, "kind: tls # "+verdict+"\naddress: "+address+"\n"+trust+refuses, probes.Target{}, 5*time.Second)
		require.Equal(t, want, r.Outcome, r.Detail)
	}
}

// TestCrossSignaturesByOpenSSL has a server send a cross-signature that ended
// long ago, as servers do for the sake of old clients.
func TestCrossSignaturesByOpenSSL(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	const names, ca = "subjectAltName=IP:127.0.0.1\n", "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n"
	// The root of today signs itself; the one before it signed its name and key.
	openssl(t, a.dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "900", "-keyout", "root.key", "-out", "root.pem", "-subj", "/O=Test/CN=today")
	openssl(t, a.dir, "req", "-new", "-key", "root.key", "-out", "today.csr", "-subj", "/O=Test/CN=today")
	a.sign("ca", "today", ca, -400, -30)
	a.issue("root", "middle", ca, -400, 500)
	a.issue("middle", "server", names, -1, 90)
	chain := concatenate(t, a.dir, "chain.pem", "middle.pem", "today.pem")
	address := a.serve("server", chain)
	for name, c := range map[string]struct {
		trust   string
		outcome probes.Outcome
		reason  probes.Reason
	}{
		"trusted":                      {fmt.Sprintf("{ca_file: %q}", filepath.Join(a.dir, "root.pem")), probes.Warn, probes.ReasonCertificateExpired},
		"unverified":                   {"{insecure_skip_verify: true}", probes.Warn, probes.ReasonCertificateExpired},
		"only the old root is trusted": {fmt.Sprintf("{ca_file: %q}", filepath.Join(a.dir, "ca.pem")), probes.Fail, probes.ReasonCertificateExpired},
	} {
		r := runProbe(t, "kind: tls # "+name+"\naddress: "+address+"\ntls: "+c.trust+"\n")
		require.Equal(t, c.outcome, r.Outcome, "%s: %s", name, r.Detail)
		require.Equal(t, c.reason, r.Reason, "%s: %s", name, r.Detail)
		require.Len(t, r.Facts.Certificates, 3, name)
		require.WithinDuration(t, time.Now().AddDate(0, 0, 90), r.Facts.CertificateNotAfter, 24*time.Hour, "%s: what nothing rests on pages nobody", name)
		if c.outcome == probes.Warn {
			r = runProbe(t, "kind: testall # "+name+"\nurl: https://"+address+"/testall\ntls: "+c.trust+"\n")
			require.WithinDuration(t, time.Now().AddDate(0, 0, 90), r.Facts.CertificateNotAfter, 24*time.Hour, "by http as well: "+name)
		}
	}
}

// TestClientCertificatesAgainstOpenSSL connects to a server that wants to know
// who comes.
func TestClientCertificatesAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue("ca", "server", "subjectAltName=IP:127.0.0.1\n", -1, 90)
	a.issue("ca", "monitor", "extendedKeyUsage=clientAuth\n", -1, 90)
	for _, version := range []string{"-tls1_3", "-tls1_2"} {
		begin := "kind: tcp\naddress: " + a.serve("server", "", version, "-Verify", "2", "-verify_return_error", "-CAfile", "ca.pem") + "\nencrypted: true\n"
		trust := fmt.Sprintf("ca_file: %q", filepath.Join(a.dir, "ca.pem"))
		r := runProbe(t, begin+"tls: {"+trust+"}\n")
		requireReason(t, r, "tls", probes.ReasonTLS)
		require.Contains(t, r.Detail, "the server asked for a client certificate")
		own := fmt.Sprintf(", cert_file: %q, key_file: %q", filepath.Join(a.dir, "monitor.pem"), filepath.Join(a.dir, "monitor.key"))
		requireReason(t, runProbe(t, begin+"tls: {"+trust+own+"}\n"), "", "")
	}
}
