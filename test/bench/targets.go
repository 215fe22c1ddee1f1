package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// serveTargets serves something for each kind of the mix, and prints the
// addresses: a page, the same behind TLS, a name server, and a provider.
func serveTargets(ctx context.Context) error {
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("OK")) }
	plain := httptest.NewServer(http.HandlerFunc(page))
	defer plain.Close()
	encrypted := httptest.NewUnstartedServer(http.HandlerFunc(page))
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0) // the kind tls leaves early
	encrypted.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	encrypted.StartTLS()
	defer encrypted.Close()
	packets, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	names := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1),
		}}
		_ = w.WriteMsg(m)
	})}
	ended := make(chan error, 1)
	go func() { ended <- names.ActivateAndServe() }()
	provider, err := demo.Start(ctx, demo.StartOptions{})
	if err != nil {
		return err
	}
	fmt.Println(plain.URL, encrypted.Listener.Addr(), packets.LocalAddr(), provider.Issuer)
	select {
	case <-ctx.Done():
	case err := <-ended:
		return fmt.Errorf("the name server ended: %w", err)
	}
	return errors.Join(names.Shutdown(), <-ended, provider.Close())
}

// mixed configures probes of several kinds for the targets of a line: half of
// them http, and one in twenty with a TLS handshake.
func mixed(line string, probes int, every string) (string, error) {
	f := strings.Fields(line)
	if len(f) != 4 {
		return "", fmt.Errorf("targets are %q", line)
	}
	page, encrypted, names, issuer := f[0], f[1], f[2], f[3]
	var text strings.Builder
	fmt.Fprintf(&text, "providers:\n  - {name: sso, issuer: %q}\nprobes:\n", issuer)
	for i := range probes {
		var is string
		switch n := i % 20; {
		case n < 10:
			is = fmt.Sprintf("kind: http, url: %q", page)
		case n < 14:
			is = fmt.Sprintf("kind: tcp, address: %q", strings.TrimPrefix(page, "http://"))
		case n < 17:
			is = fmt.Sprintf("kind: dns, query: login.example.com, servers: [%q]", names)
		case n < 19:
			is = "kind: oidc"
		default:
			is = fmt.Sprintf("kind: tls, address: %q, tls: {insecure_skip_verify: true}", encrypted)
		}
		fmt.Fprintf(&text, "  - {name: probe%05d, %s, every: %s}\n", i, is, every)
	}
	return text.String(), nil
}
