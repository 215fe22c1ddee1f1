package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

const directoryEntries = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: uid=monitoring,dc=example,dc=com
objectClass: inetOrgPerson
uid: monitoring
cn: Monitoring
sn: Monitoring
mail: monitoring@example.com
userPassword: open-sesame

dn: uid=jane,dc=example,dc=com
objectClass: inetOrgPerson
uid: jane
cn: Jane
sn: Doe
mail: jane@example.com
`

// slapd starts Debian's slapd with a small directory and further lines of its
// configuration, and returns the process, the addresses for ldap and ldaps, and
// its authority's file.
func slapd(t *testing.T, lines ...string) (p *process, plain, secure, authority string) {
	t.Helper()
	counterpart(t, "slapd")
	certificates, dir := selfSigned(t), t.TempDir()
	root := debianRoot(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
	config := fmt.Sprintf("modulepath %s/usr/lib/ldap\nmoduleload back_mdb\n", root)
	for _, schema := range []string{"core", "cosine", "inetorgperson"} {
		config += fmt.Sprintf("include %s/etc/ldap/schema/%s.schema\n", root, schema)
	}
	config += fmt.Sprintf(`pidfile %[1]s/pid
TLSCertificateFile %[2]s/cert.pem
TLSCertificateKeyFile %[2]s/key.pem
database mdb
suffix dc=example,dc=com
directory %[1]s/db
rootdn cn=admin,dc=example,dc=com
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
%[3]s
`, dir, certificates, strings.Join(lines, "\n"))
	file := writeFile(t, dir, "slapd.conf", config)
	out, err := debianCommand(t, "slapd", "-T", "a", "-f", file, "-l", writeFile(t, dir, "base.ldif", directoryEntries)).CombinedOutput()
	require.NoError(t, err, string(out))
	plain, secure = "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	p = startCommand(t, debianCommand(t, "slapd", "-d", "0", "-f", file, "-h", "ldap://"+plain+" ldaps://"+secure))
	waitOpen(t, plain, true)
	return p, plain, secure, filepath.Join(certificates, "cert.pem")
}

func TestLDAPAgainstSlapd(t *testing.T) {
	t.Parallel()
	p, plain, secure, authority := slapd(t)
	user := "bind_dn: 'uid=monitoring,dc=example,dc=com'\npassword: open-sesame\n"
	search := "base_dn: 'dc=example,dc=com'\nfilter: (uid=jane)\nmax_entries: 1\nattributes: {mail: '^jane@'}\n"
	trust := fmt.Sprintf("tls: {ca_file: %q}\n", authority)

	requireReason(t, runProbe(t, "kind: ldap\nurl: ldap://"+plain+"\n"), "", "") // two lines
	requireReason(t, runProbe(t, "kind: ldap\nurl: ldap://"+plain+"\n"+user+search), "", "")
	for _, text := range []string{"url: ldaps://" + secure + "\n", "url: ldap://" + plain + "\nstarttls: true\n"} {
		r := runProbe(t, "kind: ldap\n"+text+trust+user+search)
		requireReason(t, r, "", "")
		require.WithinDuration(t, time.Now().AddDate(0, 0, 90), r.Facts.CertificateNotAfter, 24*time.Hour)
		r = runProbe(t, "kind: ldap\n"+text)
		requireReason(t, r, "tls", probes.ReasonTLS)
		require.NotZero(t, r.Facts.CertificateNotAfter, "the dates of a refused chain are recorded")
	}
	wrong := "bind_dn: 'uid=monitoring,dc=example,dc=com'\npassword: open-barley\n"
	r := runProbe(t, "kind: ldap\nurl: ldap://"+plain+"\n"+wrong)
	requireReason(t, r, "bind", probes.ReasonCredentialsRefused)
	require.NotContains(t, r.Detail, "barley")
	requireReason(t, runProbe(t, "kind: ldap\nurl: ldap://"+plain+"\n"+user+"base_dn: 'dc=example,dc=com'\nfilter: (uid=nobody)\n"), "search", probes.ReasonAnswerMismatch)
	requireReason(t, runProbe(t, "kind: ldap\nurl: ldap://"+plain+"\n"+user+"base_dn: 'dc=example,dc=org'\n"), "search", probes.ReasonUnexpectedReply)
	requireReason(t, runProbe(t, "kind: ldap\nurl: ldap://"+plain+"\n"+user+"base_dn: 'dc=example,dc=com'\nmax_entries: 2\n"), "search", probes.ReasonAnswerMismatch)
	requireReason(t, runProbe(t, "kind: tcp\naddress: "+plain+"\nstarttls: ldap\n"+trust), "", "")
	requireReason(t, runProbe(t, "kind: tls\naddress: "+plain+"\nstarttls: ldap\n"+trust), "", "")

	// One that hangs, and one that is gone.
	p.signal(syscall.SIGSTOP)
	r = runProbeAt(t, "kind: ldap\nurl: ldap://"+plain+"\n"+user, probes.Target{}, 3*time.Second)
	requireReason(t, r, "bind", probes.ReasonTimeout)
	p.signal(syscall.SIGCONT)
	_, _ = p.end(syscall.SIGTERM)
	requireReason(t, runProbe(t, "kind: ldap\nurl: ldap://"+plain+"\n"+user), "connect", probes.ReasonConnect)
}

// TestADirectoryGrowsBeyondItsLimit has slapd cut every search short after two
// entries, as it does after 500 unless told otherwise.
func TestADirectoryGrowsBeyondItsLimit(t *testing.T) {
	t.Parallel()
	search := func(address, more string) probes.Result {
		return runProbe(t, "kind: ldap\nurl: ldap://"+address+"\nbind_dn: 'uid=monitoring,dc=example,dc=com'\npassword: open-sesame\nbase_dn: 'dc=example,dc=com'\n"+more)
	}
	_, two, _, _ := slapd(t, "sizelimit 2")
	requireReason(t, search(two, ""), "", "")
	requireReason(t, search(two, "min_entries: 3\n"), "search", probes.ReasonUnexpectedReply)
	requireReason(t, search(two, "max_entries: 10\n"), "search", probes.ReasonUnexpectedReply)
	r := search(two, "attributes: {mail: '^monitoring@'}\n")
	requireReason(t, r, "", "")
	require.Len(t, r.Unverified, 1)
	require.Contains(t, r.Unverified[0], "more entries than the 2")
	requireReason(t, search(two, "attributes: {mail: '^jane@'}\n"), "search", probes.ReasonAnswerMismatch)

	// One that refuses to be asked for more is not asked for more than needed.
	_, strict, _, _ := slapd(t, "limits users size.soft=1 size.hard=2")
	requireReason(t, search(strict, "min_entries: 2\n"), "", "")
}
