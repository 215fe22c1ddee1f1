package test

import (
	"crypto"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// signedZone writes a zone that is signed with a fresh key, and returns its text
// and the key as a trust anchor.
func signedZone(t *testing.T, serial int) (zone, anchor string) {
	t.Helper()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 60},
		Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	require.NoError(t, err)
	sets := [][]string{
		{fmt.Sprintf("example.com. 60 IN SOA ns.example.com. root.example.com. %d 1 1 1 60", serial)},
		{"example.com. 60 IN NS ns.example.com."}, {"ns.example.com. 60 IN A 127.0.0.1"},
		{"www.example.com. 60 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2"}, {key.String()},
	}
	var text strings.Builder
	for _, records := range sets {
		var set []dns.RR
		for _, record := range records {
			rr, err := dns.NewRR(record)
			require.NoError(t, err)
			set = append(set, rr)
			fmt.Fprintln(&text, rr)
		}
		signature := &dns.RRSIG{
			Hdr:       dns.RR_Header{Name: set[0].Header().Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: 60},
			Algorithm: key.Algorithm, SignerName: "example.com.", KeyTag: key.KeyTag(),
			Inception: uint32(time.Now().Add(-time.Hour).Unix()), Expiration: uint32(time.Now().Add(24 * time.Hour).Unix()), //nolint:gosec // until 2106
		}
		require.NoError(t, signature.Sign(private.(crypto.Signer), set))
		fmt.Fprintln(&text, signature)
	}
	fmt.Fprintln(&text, "plain.example.com. 60 IN A 192.0.2.3") // not signed
	return text.String(), key.String()
}

// nsd starts Debian's nsd with the zone example.com, and returns where it serves.
func nsd(t *testing.T, zone string) (*process, string) {
	t.Helper()
	counterpart(t, "nsd")
	dir, port := t.TempDir(), freePort(t)
	writeFile(t, dir, "zone", zone)
	config := strings.NewReplacer("DIR", dir, "PORT", port).Replace(`server:
  ip-address: 127.0.0.1@PORT
  username: ""
  chroot: ""
  pidfile: "DIR/pid"
  zonesdir: "DIR"
  database: ""
  zonelistfile: "DIR/zone.list"
  xfrdfile: "DIR/xfrd"
  xfrdir: "DIR"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: example.com
  zonefile: zone
`)
	p := startCommand(t, debianCommand(t, "nsd", "-d", "-c", writeFile(t, dir, "nsd.conf", config)))
	waitOpen(t, "127.0.0.1:"+port, true)
	return p, "127.0.0.1:" + port
}

// unbound starts Debian's unbound, which validates example.com by a trust anchor
// and asks a server for it. It returns where it serves, plainly and by TLS, and
// its authority's file.
func unbound(t *testing.T, upstream, anchor string) (p *process, plain, secure, authority string) {
	t.Helper()
	counterpart(t, "unbound")
	certificates, dir := selfSigned(t), t.TempDir()
	port, tlsPort := freePort(t), freePort(t)
	config := strings.NewReplacer("DIR", dir, "CERTS", certificates, "TLSPORT", tlsPort, "PORT", port,
		"UPSTREAM", strings.Replace(upstream, ":", "@", 1), "ANCHOR", strings.ReplaceAll(anchor, "\t", " ")).Replace(`server:
  interface: 127.0.0.1@PORT
  interface: 127.0.0.1@TLSPORT
  tls-port: TLSPORT
  tls-service-key: "CERTS/key.pem"
  tls-service-pem: "CERTS/cert.pem"
  username: ""
  chroot: ""
  directory: "DIR"
  pidfile: ""
  use-syslog: no
  do-ip6: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: "validator iterator"
  trust-anchor: "ANCHOR"
remote-control:
  control-enable: no
stub-zone:
  name: example.com
  stub-addr: UPSTREAM
`)
	p = startCommand(t, debianCommand(t, "unbound", "-d", "-p", "-c", writeFile(t, dir, "unbound.conf", config)))
	waitOpen(t, "127.0.0.1:"+port, true)
	return p, "127.0.0.1:" + port, "127.0.0.1:" + tlsPort, filepath.Join(certificates, "cert.pem")
}

func TestDNSAgainstNSDAndUnbound(t *testing.T) {
	t.Parallel()
	zone, anchor := signedZone(t, 7)
	older, _ := signedZone(t, 5)
	primary, first := nsd(t, zone)
	_, second := nsd(t, older)
	resolver, plain, secure, authority := unbound(t, first, anchor)
	ask := func(server, more string) probes.Result {
		return runProbe(t, "kind: dns\nquery: www.example.com\nservers: ["+server+"]\n"+more)
	}
	for _, transport := range []string{"", "transport: tcp\n"} {
		requireReason(t, ask(first, transport+"match: exact\nanswers: [192.0.2.1, 192.0.2.2]\nauthoritative: true\nrecursion: false\n"), "", "")
		requireReason(t, ask(plain, transport+"authenticated: true\n"), "", "")
	}
	r := ask(secure, fmt.Sprintf("transport: tls\ntls: {ca_file: %q}\nauthenticated: true\n", authority))
	requireReason(t, r, "", "")
	require.NotZero(t, r.Facts.CertificateNotAfter)
	requireReason(t, ask(secure, "transport: tls\n"), "tls", probes.ReasonTLS)
	requireReason(t, ask(first, "authenticated: true\nrecursion: false\n"), "answer", probes.ReasonNotAuthenticated)
	requireReason(t, ask(plain, "answers: [192.0.2.9]\n"), "answer", probes.ReasonAnswerMismatch)
	about := func(name, more string) probes.Result {
		return runProbe(t, "kind: dns\nquery: "+name+"\nservers: ["+first+"]\nrecursion: false\n"+more)
	}
	requireReason(t, about("gone.example.com", ""), "answer", probes.ReasonDNS)
	requireReason(t, about("gone.example.com", "rcode: NXDOMAIN\n"), "", "")
	requireReason(t, about("www.example.org", ""), "answer", probes.ReasonRcode) // REFUSED
	requireReason(t, about("www.example.com", "type: AAAA\n"), "answer", probes.ReasonAnswerMismatch)
	// What is not signed must not come through the resolver.
	requireReason(t, runProbe(t, "kind: dns\nquery: plain.example.com\nservers: ["+plain+"]\n"), "answer", probes.ReasonRcode)

	serials := "kind: dns\nquery: example.com\ntype: SOA\nsame_serial: true\nrecursion: false\nservers: [" + first + ", " + second + "]\n"
	requireReason(t, runProbe(t, serials), "answer", probes.ReasonDisagreement)
	requireReason(t, runProbe(t, serials+"max_serial_lag: 2\n"), "", "")

	resolver.signal(syscall.SIGSTOP)
	requireReason(t, runProbeAt(t, "kind: dns\nquery: www.example.com\nservers: ["+plain+"]\n", probes.Target{}, 3*time.Second), "query", probes.ReasonTimeout)
	resolver.signal(syscall.SIGCONT)
	_, _ = primary.end(syscall.SIGTERM)
	requireReason(t, ask(first, ""), "query", probes.ReasonConnect)
	r = ask(first+", "+second, "quorum: 1\nrecursion: false\n")
	require.Equal(t, probes.Warn, r.Outcome, r.Detail)
}
