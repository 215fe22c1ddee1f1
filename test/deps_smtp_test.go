package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

const nobody = 65534 // the user and group of that name

// exim starts Debian's exim with a spool of its own, and returns where it
// listens, its spool and its authority's file. It needs a user of a name that
// this machine may not have: libnss-wrapper lets it see one.
func exim(t *testing.T) (address, spool, authority string) {
	t.Helper()
	counterpart(t, "exim4")
	wrapper := filepath.Join(debianRoot(t), "usr/lib/x86_64-linux-gnu/libnss_wrapper.so")
	if _, err := os.Stat(wrapper); err != nil {
		t.Skip("libnss-wrapper is not here: run test/setup where Debian's packages can be reached")
	}
	certificates := selfSigned(t)
	dir, err := os.MkdirTemp("", "exim") // which its user may enter
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // as said
	spool = filepath.Join(dir, "spool")
	require.NoError(t, os.Mkdir(spool, 0o750))
	for _, name := range []string{"cert.pem", "key.pem"} {
		content, err := os.ReadFile(filepath.Join(certificates, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o644)) //nolint:gosec // a key of no worth
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = nobody, nobody
		require.NoError(t, os.Chown(spool, uid, gid))
	}
	config := strings.NewReplacer("DIR", dir).Replace(`primary_hostname = mail.example.invalid
disable_ipv6
spool_directory = DIR/spool
log_file_path = DIR/spool/log-%s
pid_file_path = DIR/spool/pid
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = DIR/cert.pem
tls_privatekey = DIR/key.pem
queue_only
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = check
acl_smtp_data = take
begin acl
check:
  accept local_parts = postmaster
  deny message = nobody of that name
take:
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_set_id = $auth2
  server_condition = ${if and{{eq{$auth2}{probe}}{eq{$auth3}{open-sesame}}}}
  server_advertise_condition = ${if def:tls_in_cipher}
`)
	user := fmt.Sprintf("Debian-exim:x:%d:%d::/:/bin/false\nroot:x:0:0::/:/bin/sh\n", uid, gid)
	passwd, group := writeFile(t, dir, "passwd", user), writeFile(t, dir, "group", fmt.Sprintf("Debian-exim:x:%d:\nroot:x:0:\n", gid))
	file := writeFile(t, dir, "exim.conf", config)
	for _, f := range []string{passwd, group, file} {
		require.NoError(t, os.Chmod(f, 0o644)) //nolint:gosec // as said
	}
	port := freePort(t)
	cmd := debianCommand(t, "exim4", "-C", file, "-bdf", "-oX", port)
	cmd.Env = append(cmd.Env, "LD_PRELOAD="+wrapper, "NSS_WRAPPER_PASSWD="+passwd, "NSS_WRAPPER_GROUP="+group)
	startCommand(t, cmd)
	waitOpen(t, "127.0.0.1:"+port, true)
	return "127.0.0.1:" + port, spool, filepath.Join(dir, "cert.pem")
}

// queued counts the messages in exim's queue.
func queued(t *testing.T, spool string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(spool, "input", "*-H"))
	require.NoError(t, err)
	return len(found)
}

func TestSMTPAgainstExim(t *testing.T) {
	t.Parallel()
	address, spool, authority := exim(t)
	begin := "kind: smtp\naddress: " + address + "\n"
	trust := fmt.Sprintf("tls: {ca_file: %q}\n", authority)
	user := "username: probe\npassword: open-sesame\n"
	to := func(name string) string { return "to: [" + name + "@example.com]\nfrom: probe@example.com\n" }
	envelope := to("postmaster")

	requireReason(t, runProbe(t, begin+"starttls: never\n"), "", "")
	r := runProbe(t, begin+trust)
	requireReason(t, r, "", "")
	require.NotZero(t, r.Facts.CertificateNotAfter)
	requireReason(t, runProbe(t, begin), "tls", probes.ReasonTLS) // not trusted
	requireReason(t, runProbe(t, begin+trust+user+envelope), "", "")
	require.Zero(t, queued(t, spool), "nothing is queued unless asked for")
	r = runProbe(t, begin+trust+"username: probe\npassword: open-barley\n")
	requireReason(t, r, "auth", probes.ReasonCredentialsRefused)
	require.NotContains(t, r.Detail, "barley")
	requireReason(t, runProbe(t, begin+trust+to("jane")), "rcpt", probes.ReasonUnexpectedReply)
	requireReason(t, runProbe(t, begin+trust+envelope+"send: true\n"), "", "")
	require.Equal(t, 1, queued(t, spool))
	requireReason(t, runProbe(t, "kind: tls\naddress: "+address+"\nstarttls: smtp\n"+trust), "", "")
	requireReason(t, runProbe(t, "kind: tcp\naddress: "+address+"\nstarttls: smtp\n"+trust+"dialog: [{send: EHLO probe.invalid}, {expect: '^250 '}]\n"), "", "")
}
