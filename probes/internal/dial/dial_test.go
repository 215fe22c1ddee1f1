package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, port, want string }{
		{"db.example.com:5432", "", "db.example.com:5432"},
		{"db.example.com", "25", "db.example.com:25"},
		{"[2001:db8::1]:25", "", "[2001:db8::1]:25"},
		{"2001:db8::1", "25", "[2001:db8::1]:25"},
		{"[2001:db8::1]", "25", "[2001:db8::1]:25"},
		{"192.0.2.1", "25", "192.0.2.1:25"},
		{"db.example.com", "", ""},
		{"", "25", ""},
		{":25", "", ""},
		{"a:b", "", ""},
		{"a:0", "", ""},
		{"a:65536", "", ""},
		{"https://a:25", "", ""},
		{"a b:25", "", ""},
		{"user@a:25", "", ""},
		{"a\r\nb:25", "", ""},
	} {
		host, port, err := Split(c.address, c.port)
		if c.want == "" {
			require.Error(t, err, c.address)
			continue
		}
		require.NoError(t, err, c.address)
		require.Equal(t, c.want, net.JoinHostPort(host, port))
	}
	_, _, err := Split("https://me:open-sesame@login.example.com/", "443")
	require.EqualError(t, err, "a URL stands here; write HOST or HOST:PORT, without scheme and path")
}

func TestNodesStandForTheProvidersHost(t *testing.T) {
	t.Parallel()
	p := &probes.Provider{Issuer: "https://Login.example.com/realm"}
	for _, c := range []struct{ host, port, node, want string }{
		{"login.example.com", "443", "10.0.0.1:8443", "10.0.0.1:8443"},
		{"login.example.com.", "443", "10.0.0.1", "10.0.0.1:443"},
		{"login.example.com", "9000", "10.0.0.1:8443", "10.0.0.1:9000"},
		{"mail.example.com", "443", "10.0.0.1:8443", "mail.example.com:443"},
		{"login.example.com", "443", "", "login.example.com:443"},
	} {
		e := At(c.host, c.port, probes.Target{Provider: p, Node: probes.Node{Name: "n", Address: c.node}})
		host, port := e.Dialed()
		require.Equal(t, c.want, net.JoinHostPort(host, port))
		require.Equal(t, c.host, e.Host, "what certificates are checked for stays")
	}
	require.False(t, IsProviders("login.example.com", nil))
}

func TestInternationalNames(t *testing.T) {
	t.Parallel()
	e := At("bücher.example", "443", probes.Target{})
	host, _ := e.Dialed()
	require.Equal(t, "xn--bcher-kva.example", host, "as DNS spells it")
	require.Equal(t, "xn--bcher-kva.example:443", e.Address())
	conf, err := Config(fetch.TLS{}, "Bücher.example.")
	require.NoError(t, err)
	require.Equal(t, "xn--bcher-kva.example", conf.ServerName)
	conf, err = Config(fetch.TLS{ServerName: "bücher.example"}, "other.example")
	require.NoError(t, err)
	require.Equal(t, "xn--bcher-kva.example", conf.ServerName)
	p := &probes.Provider{Issuer: "https://bücher.example/"}
	host, _ = At("xn--bcher-kva.example", "443", probes.Target{Provider: p, Node: probes.Node{Address: "knoten-ü.example:8443"}}).Dialed()
	require.Equal(t, "xn--knoten--t2a.example", host)
	require.Equal(t, "under_score.example", fetch.ASCII("under_score.example"), "what is ASCII stays")
}

func TestIPVersions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, c := range []struct {
		v    IPVersion
		host string
		want string
	}{
		{Any, "127.0.0.1", "127.0.0.1"},
		{Only4, "127.0.0.1", "127.0.0.1"},
		{Only4, "::ffff:127.0.0.1", "127.0.0.1"},
		{Prefer6, "127.0.0.1", "127.0.0.1"},
		{Only6, "::1", "::1"},
		{Only6, "127.0.0.1", ""},
		{Only4, "::1", ""},
		{Only4, "localhost", "127.0.0.1"},
		{Prefer4, "localhost", "127.0.0.1"},
		{Any, "does-not-exist.invalid", ""},
	} {
		addrs, err := c.v.Resolve(ctx, c.host)
		if c.want == "" {
			var f *probes.Failure
			require.ErrorAs(t, err, &f, c.host)
			require.Equal(t, probes.ReasonDNS, f.Reason)
			continue
		}
		require.NoError(t, err, c.host)
		require.Equal(t, netip.MustParseAddr(c.want), addrs[0], "%s %s", c.v, c.host)
	}
}

// open opens a connection with a run, and returns both.
func open(t *testing.T, d *Dialer, timeout time.Duration) (*Conn, *probes.Run, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	r := probes.NewRun(nil)
	conn, err := d.Open(ctx, r)
	if conn != nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, r, err
}

func to(address string) *Dialer {
	host, port, err := Split(address, "")
	if err != nil {
		panic(err)
	}
	return &Dialer{Endpoint: At(host, port, probes.Target{}), Version: Any}
}

func reason(t *testing.T, err error) probes.Reason {
	t.Helper()
	var f *probes.Failure
	require.ErrorAs(t, err, &f)
	return f.Reason
}

func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	d := to(probetest.Endless(t, "x"))
	d.MaxRead = 10_000
	conn, r, err := open(t, d, probetest.Limit)
	require.NoError(t, err)
	require.Equal(t, []string{"connect"}, probetest.StepNames(r.Finish(nil)), "no dns for an address")
	got, err := io.ReadAll(conn)
	require.Len(t, got, 10_000)
	require.Equal(t, probes.ReasonTooLarge, reason(t, Failure(context.Background(), err)))
	require.Equal(t, err, conn.Err())

	// A silent server, and one that trickles, end with the time of the run.
	for _, address := range []string{probetest.Silent(t), probetest.Drip(t, "x")} {
		conn, _, err := open(t, to(address), 2*time.Second)
		require.NoError(t, err)
		_, err = io.ReadAll(conn)
		require.Equal(t, probes.ReasonTimeout, reason(t, Failure(conn.ctx, err)))
	}

	// So do runs that are called off, which is nobody's fault.
	ctx, cancel := context.WithCancel(context.Background())
	conn, err = to(probetest.Silent(t)).Open(ctx, probes.NewRun(nil))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = conn.Read(make([]byte, 1))
	var f *probes.Failure
	require.ErrorAs(t, Failure(ctx, err), &f)
	require.Equal(t, probes.Unknown, f.Outcome)
}

func TestReasonsOfTheWay(t *testing.T) {
	t.Parallel()
	_, r, err := open(t, to(probetest.Closed(t)), probetest.Limit)
	require.Equal(t, probes.ReasonConnect, reason(t, err))
	require.Equal(t, "connect", r.Finish(err).FailedStep)

	_, r, err = open(t, to("does-not-exist.invalid:25"), probetest.Limit)
	require.Equal(t, probes.ReasonDNS, reason(t, err))
	require.Equal(t, "dns", r.Finish(err).FailedStep)

	conn, _, err := open(t, to(probetest.Reset(t)), probetest.Limit)
	require.NoError(t, err)
	_, _ = conn.Write([]byte("x"))
	_, err = conn.Read(make([]byte, 1))
	require.Equal(t, probes.ReasonConnect, reason(t, Failure(conn.ctx, err)))
}

func TestTheFirstAddressThatAnswersIsTaken(t *testing.T) {
	t.Parallel()
	_, port, err := net.SplitHostPort(probetest.Silent(t))
	require.NoError(t, err)
	addrs := []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}
	conn, err := connect(context.Background(), "tcp", addrs, port)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	_, err = connect(context.Background(), "tcp", []netip.Addr{addrs[0], netip.MustParseAddr("127.0.0.3")}, port)
	require.ErrorContains(t, err, "none of 2 addresses")
	require.ErrorContains(t, err, "127.0.0.2:")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	soon := time.Now().Add(time.Hour)
	server := fetchtest.Server(t, ca.Issue(t, soon, "127.0.0.1"), nil)
	for _, c := range []struct {
		name  string
		tls   fetch.TLS
		host  string
		wrong string
	}{
		{"good", fetch.TLS{CAFile: ca.File}, "127.0.0.1", ""},
		{"unknown authority", fetch.TLS{}, "127.0.0.1", "unknown authority"},
		{"wrong name", fetch.TLS{CAFile: ca.File}, "login.example.com", "login.example.com"},
		{"told the name", fetch.TLS{CAFile: ca.File, ServerName: "127.0.0.1"}, "login.example.com", ""},
		{"unverified", fetch.TLS{InsecureSkipVerify: true}, "127.0.0.1", ""},
	} {
		conf, err := Config(c.tls, c.host)
		require.NoError(t, err)
		conn, r, err := open(t, to(server.Listener.Addr().String()), probetest.Limit)
		require.NoError(t, err)
		err = conn.Secure(conn.ctx, r, conf)
		if c.wrong == "" {
			require.NoError(t, err, c.name)
			require.NotNil(t, conn.TLS())
		} else {
			require.ErrorContains(t, err, c.wrong, c.name)
			require.Equal(t, probes.ReasonTLS, reason(t, err))
			require.Equal(t, "tls", r.Finish(err).FailedStep)
		}
		require.WithinDuration(t, soon, r.Facts().CertificateNotAfter, time.Second, "dates are recorded all the same: "+c.name)
	}
	for name, address := range map[string]string{"not TLS": probetest.Say(t, []byte("220 hello\r\n")), "reset": probetest.Reset(t)} {
		conn, r, err := open(t, to(address), probetest.Limit)
		require.NoError(t, err)
		conf, _ := Config(fetch.TLS{}, "127.0.0.1")
		require.Equal(t, probes.ReasonTLS, reason(t, conn.Secure(conn.ctx, r, conf)), name)
	}
	conn, r, err := open(t, to(probetest.Silent(t)), 2*time.Second)
	require.NoError(t, err)
	conf, _ := Config(fetch.TLS{}, "127.0.0.1")
	require.Equal(t, probes.ReasonTimeout, reason(t, conn.Secure(conn.ctx, r, conf)))
}

func TestFailuresKeepTheirReason(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	require.NoError(t, Failure(ctx, nil))
	known := probes.Failf(probes.ReasonRcode, "x")
	require.Equal(t, known, Failure(ctx, known))
	require.Equal(t, probes.ReasonSecretUnavailable, reason(t, Failure(ctx, &secret.Error{Path: "p", Err: errors.New("gone")})))
	over, cancel := context.WithTimeout(ctx, -1)
	defer cancel()
	require.Equal(t, probes.ReasonTimeout, reason(t, Failure(over, net.ErrClosed)))
}

// However many addresses are dead, the last one is tried.
func TestShares(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		left      time.Duration
		addresses int
		want      []time.Duration // of each in turn, the last takes what is left
	}{
		{12 * time.Second, 3, []time.Duration{4 * time.Second, 4 * time.Second}},
		{10 * time.Second, 6, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second, 2 * time.Second, time.Second}},
		{4 * time.Second, 3, []time.Duration{2 * time.Second, time.Second}},
		{time.Second, 3, []time.Duration{500 * time.Millisecond, 250 * time.Millisecond}},
	} {
		left := c.left
		for i, want := range c.want {
			ctx, cancel := context.WithTimeout(context.Background(), left)
			require.InDelta(t, want, Share(ctx, c.addresses-i), float64(100*time.Millisecond), "%s, %d", c.left, i)
			cancel()
			left -= want
		}
		require.Positive(t, left)
	}
	require.Zero(t, Share(context.Background(), 3))
}
