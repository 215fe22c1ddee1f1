package egress

import (
	"io"
	"net/http"
	"strings"
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

func TestTargetsInYAML(t *testing.T) {
	t.Parallel()
	var got []Target
	require.NoError(t, yaml.Unmarshal([]byte("[facebook.com:443, {name: mirror, to: 'https://example.com/'}]"), &got))
	require.Equal(t, []Target{{To: "facebook.com:443"}, {Name: "mirror", To: "https://example.com/"}}, got)
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
	require.False(t, options(nil, "a:1").UsesNodes(probes.Setting{}))
}
