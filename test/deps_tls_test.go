package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// authority is one made by openssl in a folder.
type authority struct {
	t   *testing.T
	dir string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t, t.TempDir()}
	writeFile(t, a.dir, "ca.ext", "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n")
	openssl(t, a.dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "900", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/O=Test/CN=root")
	return a
}

// issue makes a certificate by an issuer, valid between two days counted from
// today, and returns the name of its files.
func (a *authority) issue(issuer, name, extensions string, from, to int) string {
	a.t.Helper()
	openssl(a.t, a.dir, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name+".key", "-out", name+".csr", "-subj", "/O=Test/CN="+name)
	return a.sign(issuer, name, extensions, from, to)
}

// sign makes a certificate of the request in a file of that name.
func (a *authority) sign(issuer, name, extensions string, from, to int) string {
	a.t.Helper()
	writeFile(a.t, a.dir, name+".ext", extensions)
	day := func(n int) string { return time.Now().AddDate(0, 0, n).UTC().Format("20060102150405Z") }
	// `openssl x509` knows whole days from now only; `openssl ca` any dates.
	folder := filepath.Join(a.dir, "of-"+issuer)
	if err := os.Mkdir(folder, 0o700); err == nil {
		writeFile(a.t, folder, "index", "")
		writeFile(a.t, folder, "serial", "1000\n")
	}
	config := writeFile(a.t, a.dir, issuer+".cnf", fmt.Sprintf("[ca]\ndefault_ca=d\n[d]\ndatabase=%[1]s/index\nserial=%[1]s/serial\nnew_certs_dir=%[1]s\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\norganizationName=optional\n", folder))
	openssl(a.t, a.dir, "ca", "-batch", "-preserveDN", "-config", config, "-cert", issuer+".pem", "-keyfile", issuer+".key", "-in", name+".csr", "-out", name+".pem", "-notext",
		"-extfile", name+".ext", "-startdate", day(from), "-enddate", day(to))
	return name
}

// concatenate puts files into one, and returns its name.
func concatenate(t *testing.T, dir, name string, parts ...string) string {
	t.Helper()
	var all []byte
	for _, part := range parts {
		content, err := os.ReadFile(filepath.Join(dir, part))
		require.NoError(t, err)
		all = append(all, content...)
	}
	writeFile(t, dir, name, string(all))
	return name
}

// serve starts openssl's server with a certificate and those to be sent along.
func (a *authority) serve(name, chain string, more ...string) string {
	a.t.Helper()
	address := "127.0.0.1:" + freePort(a.t)
	args := []string{"s_server", "-accept", address, "-cert", name + ".pem", "-key", name + ".key", "-quiet", "-www"}
	if chain != "" {
		args = append(args, "-cert_chain", chain)
	}
	path, err := exec.LookPath("openssl")
	require.NoError(a.t, err)
	cmd := exec.Command(path, append(args, more...)...)
	cmd.Dir = a.dir
	startCommand(a.t, cmd)
	waitOpen(a.t, address, true)
	return address
}

func TestTLSAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	const names = "subjectAltName=DNS:login.example.com,IP:127.0.0.1\n"
	require.NoError(t, os.Rename(filepath.Join(a.dir, "ca.key"), filepath.Join(a.dir, "root.key")))
	require.NoError(t, os.Rename(filepath.Join(a.dir, "ca.pem"), filepath.Join(a.dir, "root.pem")))
	ca, err := os.ReadFile(filepath.Join(a.dir, "ca.ext"))
	require.NoError(t, err)
	a.issue("root", "middle", string(ca), -1, 500)
	a.issue("root", "tired", string(ca), -400, 10)
	good := a.serve(a.issue("middle", "good", names, -1, 90), "middle.pem")
	trust := fmt.Sprintf("tls: {ca_file: %q}\n", filepath.Join(a.dir, "root.pem"))
	openssl(t, a.dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-keyout", "self.key", "-out", "self.pem", "-subj", "/CN=self", "-addext", "subjectAltName=IP:127.0.0.1")
	for _, c := range []struct {
		name, address, more string
		outcome             probes.Outcome
		reason              probes.Reason
	}{
		{"good", good, "", probes.Pass, ""},
		{"expired", a.serve(a.issue("middle", "expired", names, -30, -2), "middle.pem"), "", probes.Fail, probes.ReasonCertificateExpired},
		{"not yet valid", a.serve(a.issue("middle", "early", names, 2, 30), "middle.pem"), "", probes.Fail, probes.ReasonCertificateExpired},
		{"expiring", a.serve(a.issue("middle", "soon", names, -80, 14), "middle.pem"), "", probes.Warn, probes.ReasonCertificateExpiring},
		{"its issuer is expiring", a.serve(a.issue("tired", "hasty", names, -1, 90), "tired.pem"), "", probes.Warn, probes.ReasonCertificateExpiring},
		{"wrong name", a.serve(a.issue("middle", "wrong", "subjectAltName=DNS:www.example.org\n", -1, 90), "middle.pem"), "", probes.Fail, probes.ReasonCertificateName},
		{"self-signed", a.serve("self", ""), "", probes.Fail, probes.ReasonCertificateUntrusted},
		{"without its issuer", a.serve("good", ""), "", probes.Fail, probes.ReasonCertificateUntrusted},
		{"too old a protocol", a.serve("good", "middle.pem", "-tls1_2"), "min_version: '1.3'\n", probes.Fail, probes.ReasonTLSVersion},
		{"refuses older", good, "refuses_older: true\n", probes.Pass, ""},
		{"issuer", good, "issuer: CN=middle\n", probes.Pass, ""},
		{"other issuer", good, "issuer: CN=R11\n", probes.Fail, probes.ReasonCertificateMismatch},
	} {
		r := runProbe(t, "kind: tls # "+c.name+"\naddress: "+c.address+"\n"+trust+c.more)
		require.Equal(t, c.outcome, r.Outcome, "%s: %s", c.name, r.Detail)
		require.Equal(t, c.reason, r.Reason, "%s: %s", c.name, r.Detail)
		require.NotEmpty(t, r.Facts.Certificates, c.name)
		require.False(t, r.Facts.CertificateNotAfter.IsZero(), "dates are recorded whatever is wrong: "+c.name)
	}
	r := runProbe(t, "kind: tls\naddress: "+good+"\n"+trust)
	pin := r.Facts.Certificates[1].SPKI
	requireReason(t, runProbe(t, "kind: tls\naddress: "+good+"\npins: ['"+pin+"']\n"+trust), "", "")
	require.Len(t, r.Facts.Certificates, 2)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 90), r.Facts.Certificates[0].NotAfter, 24*time.Hour)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 500), r.Facts.Certificates[1].NotAfter, 24*time.Hour)

	// A node stands for the public name, which resolves nowhere.
	provider := &probes.Provider{Issuer: "https://login.example.com"}
	requireReason(t, runProbeAt(t, "kind: tls\n"+trust, probes.Target{Provider: provider, Node: probes.Node{Name: "n1", Address: good}}, timeToRun), "", "")
}
