package egress

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(change func(*Options), targets ...string) *Options {
	o := Kind().NewOptions().(*Options)
	for _, to := range targets {
		o.Targets = append(o.Targets, Target{To: to})
	}
	if change != nil {
		change(o)
	}
	return o
}

func TestTargets(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	web := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 5<<20))
	}))
	open, closed := probetest.Silent(t), probetest.Closed(t)
	trust := func(o *Options) { o.TLS = fetch.TLS{CAFile: ca.File} }
	for _, c := range []struct {
		name    string
		targets []string
		change  func(*Options)
		outcome probes.Outcome
		reason  probes.Reason
		step    string
	}{
		{"a port", []string{open}, nil, probes.Pass, "", ""},
		{"a page, however large", []string{web.URL + "/x"}, trust, probes.Pass, "", ""},
		{"a page by IPv4", []string{web.URL + "/x"}, func(o *Options) { trust(o); o.IPVersion = dial.Only4 }, probes.Pass, "", ""},
		{"one of two", []string{open, closed}, nil, probes.Fail, probes.ReasonConnect, dial.StepConnect},
		{"one is enough", []string{open, closed}, func(o *Options) { o.Quorum = 1 }, probes.Warn, probes.ReasonConnect, dial.StepConnect},
		{"no name", []string{open, "no.invalid:443"}, nil, probes.Fail, probes.ReasonDNS, dial.StepDNS},
		{"untrusted", []string{web.URL}, nil, probes.Fail, probes.ReasonTLS, dial.StepTLS},
		{"down", []string{web.URL + "/down"}, trust, probes.Fail, probes.ReasonHTTPStatus, "response"},
		{"slow", []string{open}, func(o *Options) { o.WarnSlowerThan = 1 }, probes.Warn, probes.ReasonSlow, dial.StepConnect},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options(c.change, c.targets...), probes.Target{}, probetest.Limit)
			require.Equal(t, c.outcome, got.Outcome, got.Detail)
			require.Equal(t, c.reason, got.Reason)
			require.Equal(t, c.step, got.FailedStep)
			require.Len(t, got.Assertions, len(c.targets))
			for i, a := range got.Assertions {
				require.Equal(t, c.targets[i], a.Name)
				require.Equal(t, c.outcome.OK() && a.Name != closed || a.Name == open, a.Pass)
			}
		})
	}
}

func TestThroughTheProxy(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	web := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "facebook.invalid"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	proxy := fetchtest.NewProxy(t, "us", "open sesame", 0, web.Listener.Addr().String())
	provider := &probes.Provider{Issuer: "https://login.example.com", Dial: fetch.Options{Proxy: "http://us@" + proxy.Address, ProxyPassword: secret.New("open sesame")}}
	o := options(func(o *Options) { o.TLS = fetch.TLS{CAFile: ca.File} }, "facebook.invalid:443", "https://facebook.invalid/")
	target := probes.Target{Provider: provider}
	got := probetest.Run(t, o, target, probetest.Limit)
	require.Equal(t, probes.Pass, got.Outcome, got.Detail)
	require.Equal(t, int64(2), proxy.Served.Load())
	require.Equal(t, []string{"connect", "proxy", "tls", "request", "response"}, probetest.StepNames(got))

	o.Direct = true
	got = probetest.Run(t, o, target, probetest.Limit)
	require.Equal(t, probes.ReasonDNS, got.Reason)

	o.Direct, o.Proxy, o.ProxyPassword = false, "http://us@"+proxy.Address, secret.New("wrong sesame")
	got = probetest.Run(t, o, target, probetest.Limit)
	require.Equal(t, probes.ReasonProxy, got.Reason)
	require.NotContains(t, got.Detail, "sesame")
	require.Contains(t, got.Detail, "2 of 2")
}

// What a proxy answers in a place's stead does not prove that it was reached.
func TestForwardedAnswers(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	answers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Location", "http://portal.invalid/")
		w.WriteHeader(code)
	})
	plain := httptest.NewServer(answers)
	t.Cleanup(plain.Close)
	secure := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "mirror.invalid"), answers)
	toPlain := "http://" + fetchtest.NewProxy(t, "", "", 0, plain.Listener.Addr().String()).Address
	toSecure := "http://" + fetchtest.NewProxy(t, "", "", 0, secure.Listener.Addr().String()).Address
	for _, c := range []struct {
		name, proxy, to string
		status          []exchange.Status
		reason          probes.Reason
		detail          string
	}{
		{"good", toPlain, "http://mirror.invalid/204", nil, "", ""},
		{"a redirect", toPlain, "http://mirror.invalid/302", nil, probes.ReasonHTTPStatus, "set status: [302]"},
		{"a refusal", toPlain, "http://mirror.invalid/403", nil, probes.ReasonHTTPStatus, "answered 403 through the proxy, which may have written that itself"},
		{"a bad gateway", toPlain, "http://mirror.invalid/502", nil, probes.ReasonHTTPStatus, "answered 502 through the proxy"},
		{"a redirect of its own", toPlain, "http://mirror.invalid/302", []exchange.Status{"302"}, "", ""},
		{"another one", toPlain, "http://mirror.invalid/302", []exchange.Status{"301"}, probes.ReasonHTTPStatus, "not among status"},
		{"a refusal in a tunnel", toSecure, "https://mirror.invalid/403", nil, "", ""},
		{"none in a tunnel", toSecure, "https://mirror.invalid/403", []exchange.Status{"2xx"}, probes.ReasonHTTPStatus, "answered 403, which is not among status"},
		{"a refusal without a proxy", "", plain.URL + "/403", nil, "", ""},
		{"down without a proxy", "", plain.URL + "/503", nil, probes.ReasonHTTPStatus, "answered 503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options(func(o *Options) { o.Proxy, o.TLS = c.proxy, fetch.TLS{CAFile: ca.File} }, c.to)
			o.Targets[0].Status = c.status
			got := probetest.Run(t, o, probes.Target{}, probetest.Limit)
			require.Equal(t, c.reason, got.Reason, got.Detail)
			require.Contains(t, got.Detail, c.detail)
			require.Equal(t, c.reason == "", got.Assertions[0].Pass)
		})
	}
}

// What our own firewall does not let out cannot be reached from here.
func TestOurOwnFirewall(t *testing.T) {
	t.Parallel()
	var f *probes.Failure
	require.ErrorAs(t, ours(probes.NetworkFailure(&net.OpError{Op: "dial", Err: syscall.EPERM})), &f)
	require.Equal(t, probes.Fail, f.Outcome)
	require.Equal(t, probes.ReasonNotPermitted, f.Reason)
	off := probes.NetworkFailure(context.Canceled)
	require.Equal(t, error(off), ours(off))
}

func TestTargetsInYAML(t *testing.T) {
	t.Parallel()
	var got []Target
	require.NoError(t, yaml.Unmarshal([]byte("[facebook.com:443, {name: mirror, to: 'https://example.com/', status: 200}, {to: 'http://a/', status: [2xx, 301]}]"), &got))
	require.Equal(t, []Target{
		{To: "facebook.com:443"}, {Name: "mirror", To: "https://example.com/", Status: []exchange.Status{"200"}}, {To: "http://a/", Status: []exchange.Status{"2xx", "301"}},
	}, got)
	require.ErrorContains(t, yaml.Unmarshal([]byte("[{where: x}]"), &got), "where")
	require.Error(t, yaml.Unmarshal([]byte("[[x]]"), &got))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for path, o := range map[string]*Options{
		"targets":    options(nil),
		"targets[0]": options(nil, "facebook.com"),
		"targets[1]": options(nil, "facebook.com:443", "facebook.com:443"),
		"quorum":     options(func(o *Options) { o.Quorum = 2 }, "a:1"),
		"direct":     options(func(o *Options) { o.Direct, o.Proxy = true, "http://a:1" }, "a:1"),
	} {
		require.Equal(t, []string{path}, probetest.Problems(o, nil))
	}
	for _, to := range []string{"ftp://a/", "https://me:pw@a/", "https://", "a:b", ""} {
		require.Equal(t, []string{"targets[0]"}, probetest.Problems(options(nil, to), nil), to)
	}
	for to, status := range map[string]exchange.Status{"https://a/": "20", "a:1": "200"} {
		o := options(nil, to)
		o.Targets[0].Status = []exchange.Status{status}
		require.Equal(t, []string{"targets[0]"}, probetest.Problems(o, nil), to)
	}
	require.False(t, options(nil, "a:1").UsesNodes(probes.Setting{}))
}

// A query may hold a token, and names are shown as labels.
func TestNamesLeaveTheQueryOut(t *testing.T) {
	t.Parallel()
	o := options(nil, "https://a.example/x?token=CANARY#CANARY")
	p, c := o.compile(probes.Setting{})
	require.Empty(t, c.Problems)
	require.Equal(t, []string{"https://a.example/x"}, p.names)
	require.Equal(t, "token=CANARY", p.places[0].url.RawQuery)
}
