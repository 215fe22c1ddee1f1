package test

import (
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/probes"
)

// tinyproxy starts Debian's tinyproxy with further lines of configuration.
func tinyproxy(t *testing.T, lines string) (*process, string) {
	t.Helper()
	port, dir := freePort(t), t.TempDir()
	file := writeFile(t, dir, "tinyproxy.conf", "Port "+port+"\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\n"+lines)
	p := startCommand(t, debianCommand(t, "tinyproxy", "-d", "-c", file))
	waitOpen(t, "127.0.0.1:"+port, true)
	return p, "127.0.0.1:" + port
}

// TestEgressThroughTinyproxy goes through a real proxy: allowed, refused, with a
// target that is gone, and gone itself.
func TestEgressThroughTinyproxy(t *testing.T) {
	t.Parallel()
	counterpart(t, "tinyproxy")
	ca := fetchtest.NewCA(t)
	answers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusMovedPermanently)
		}
	})
	secure := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), answers)
	plain := newNode(t, "mirror")
	address := secure.Listener.Addr().String()
	_, allowed, err := net.SplitHostPort(address)
	require.NoError(t, err)
	closed := "127.0.0.1:" + freePort(t)
	_, gone, err := net.SplitHostPort(closed)
	require.NoError(t, err)
	// It tunnels to the ports named only, and knows of no place but this machine.
	dir := t.TempDir()
	filter := writeFile(t, dir, "filter", "^127\\.0\\.0\\.1$\n")
	p, proxy := tinyproxy(t, "ConnectPort "+allowed+"\nConnectPort "+gone+"\nFilter \""+filter+"\"\nFilterDefaultDeny Yes\nFilterExtended On\n")
	through := func(to string) string {
		return "kind: egress\nproxy: http://" + proxy + "\ntls: {ca_file: '" + ca.File + "'}\ntargets: [" + to + "]\n"
	}

	requireReason(t, runProbe(t, through(secure.URL+"/, "+address+", "+plain.URL+"/")), "", "")
	// What the proxy refuses, by CONNECT and in the place's stead.
	r := runProbe(t, through(plain.address()))
	requireReason(t, r, "proxy", probes.ReasonProxy)
	require.Contains(t, r.Detail, "(403)")
	requireReason(t, runProbe(t, through("https://facebook.invalid/")), "connect", probes.ReasonProxy)
	r = runProbe(t, through("http://facebook.invalid/"))
	requireReason(t, r, "response", probes.ReasonHTTPStatus)
	require.Contains(t, r.Detail, "answered 403 through the proxy, which may have written that itself")
	// What is not there.
	requireReason(t, runProbe(t, through(closed)), "proxy", probes.ReasonProxy)
	requireReason(t, runProbe(t, through("https://"+closed+"/")), "connect", probes.ReasonProxy)
	r = runProbe(t, through("http://"+closed+"/"))
	requireReason(t, r, "response", probes.ReasonHTTPStatus)
	require.Contains(t, r.Detail, "answered 500 through the proxy")
	// One that hangs, and one that is gone.
	p.signal(syscall.SIGSTOP)
	for _, to := range []string{address, secure.URL, plain.URL} {
		r = runProbeAt(t, through(to), probes.Target{}, 2*time.Second)
		require.Equal(t, probes.ReasonTimeout, r.Reason, r.Detail)
	}
	p.signal(syscall.SIGCONT)
	_, _ = p.end(syscall.SIGTERM)
	for _, to := range []string{address, secure.URL, plain.URL} {
		requireReason(t, runProbe(t, through(to)), "connect", probes.ReasonProxy)
	}

	_, proxy = tinyproxy(t, "BasicAuth probe open-sesame\n")
	wanted := "kind: egress\ntls: {ca_file: '" + ca.File + "'}\ntargets: [" + address + ", '" + secure.URL + "', '" + plain.URL + "']\n"
	requireReason(t, runProbe(t, wanted+"proxy: http://probe@"+proxy+"\nproxy_password: open-sesame\n"), "", "")
	r = runProbe(t, wanted+"proxy: http://probe@"+proxy+"\nproxy_password: open-barley\n")
	require.Equal(t, probes.ReasonProxy, r.Reason)
	require.Contains(t, r.Detail, "3 of 3")
	require.NotContains(t, r.Detail, "barley")
}

// TestEgressThroughMicrosocks goes through a real SOCKS5 proxy, whose answers
// are those of the places themselves.
func TestEgressThroughMicrosocks(t *testing.T) {
	t.Parallel()
	counterpart(t, "microsocks")
	ca := fetchtest.NewCA(t)
	secure := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), http.NotFoundHandler())
	plain := newNode(t, "mirror")
	port := freePort(t)
	p := startCommand(t, debianCommand(t, "microsocks", "-i", "127.0.0.1", "-p", port, "-u", "probe", "-P", "open-sesame"))
	waitOpen(t, "127.0.0.1:"+port, true)
	through := func(password, to string) string {
		return "kind: egress\nproxy: socks5://probe@127.0.0.1:" + port + "\nproxy_password: " + password + "\ntls: {ca_file: '" + ca.File + "'}\ntargets: [" + to + "]\n"
	}
	requireReason(t, runProbe(t, through("open-sesame", secure.URL+", "+plain.URL+"/missing, "+plain.address())), "", "")
	closed := "127.0.0.1:" + freePort(t)
	for _, to := range []string{closed, "http://" + closed, "https://" + closed} {
		require.Equal(t, probes.ReasonProxy, runProbe(t, through("open-sesame", to)).Reason, to)
	}
	for _, to := range []string{secure.URL, plain.address()} {
		r := runProbe(t, through("open-barley", to))
		require.Equal(t, probes.ReasonProxy, r.Reason, to)
		require.NotContains(t, r.Detail, "barley")
	}
	_, _ = p.end(syscall.SIGTERM)
	for _, to := range []string{secure.URL, plain.URL, plain.address()} {
		require.Equal(t, probes.ReasonProxy, runProbe(t, through("open-sesame", to)).Reason, to)
	}
}
