package testall

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/exchange"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(url string, change func(*Options)) *Options {
	o := Kind().NewOptions().(*Options)
	o.URL = url
	if change != nil {
		change(o)
	}
	return o
}

func answers(t testing.TB, code int, body string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/testall" {
			code = http.StatusNotFound
		}
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/testall"
}

func TestCodeAndBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code    int
		body    string
		outcome probes.Outcome
		reason  probes.Reason
		detail  string
	}{
		{200, "OK", probes.Pass, "", ""},
		{200, "OK\n", probes.Pass, "", ""},
		{200, "FAIL", probes.Fail, probes.ReasonDisagreement, "FAIL"},
		{200, "<html>Sign in to the hotel's network", probes.Fail, probes.ReasonDisagreement, "hotel"},
		{200, "", probes.Fail, probes.ReasonDisagreement, ""},
		{200, "OKAY", probes.Fail, probes.ReasonDisagreement, ""},
		{503, "FAIL", probes.Fail, probes.ReasonReportedDown, "503: FAIL"},
		{500, "users seems down. Reason: connect ECONNREFUSED 127.0.0.1:7777", probes.Fail, probes.ReasonReportedDown, "answered 500; down: users"},
		{520, "", probes.Fail, probes.ReasonReportedDown, "520"},
		{503, "OK", probes.Fail, probes.ReasonDisagreement, "503, but its body is OK"},
		{429, "", probes.Unknown, probes.ReasonRateLimited, ""},
		{401, "", probes.Unknown, probes.ReasonClientRefused, "wants a credential"},
		{404, "OK", probes.Fail, probes.ReasonHTTPStatus, "404"},
		{204, "", probes.Fail, probes.ReasonHTTPStatus, "204"},
		{302, "OK", probes.Fail, probes.ReasonHTTPStatus, "302"},
	} {
		got := probetest.Run(t, options(answers(t, c.code, c.body), nil), probes.Target{}, probetest.Limit)
		require.Equal(t, c.outcome, got.Outcome, "%d %s: %s", c.code, c.body, got.Detail)
		require.Equal(t, c.reason, got.Reason)
		require.Contains(t, got.Detail, c.detail)
		require.Equal(t, c.reason == probes.ReasonRateLimited, !got.NotBefore.IsZero())
		if c.reason != "" {
			require.Equal(t, exchange.StepResponse, got.FailedStep)
		}
	}
}

// Components are told of where the answer does, and nowhere else.
func TestComponents(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		body string
		want []probes.Assertion
	}{
		{200, "OK", []probes.Assertion{{Name: "component docs", Pass: true}, {Name: "component api2", Pass: true}}},
		{500, "docs seems down. Reason: x\nevil seems down. Reason: y", []probes.Assertion{{Name: "component docs"}, {Name: "component api2", Pass: true}}},
		{520, "Server Down", nil},
		{200, "welcome", nil},
	} {
		o := options(answers(t, c.code, c.body), func(o *Options) { o.Components = []string{"docs", "api2"} })
		require.Equal(t, c.want, probetest.Run(t, o, probes.Target{}, probetest.Limit).Assertions, c.body)
	}
	require.Empty(t, probetest.Run(t, options(answers(t, 200, "OK"), nil), probes.Target{}, probetest.Limit).Assertions, "an exporter has none")
}

func TestCredentialsAndNodes(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	server := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "login.example.com"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, basic := r.BasicAuth()
		if r.Host != "login.example.com" || r.Header.Get("Authorization") != "Bearer open-sesame" && (!basic || password != "open-sesame") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "OK")
	}))
	provider := &probes.Provider{Issuer: "https://login.example.com/realm", Dial: fetch.Options{TLS: fetch.TLS{CAFile: ca.File}}}
	target := probes.Target{Provider: provider, Node: probes.Node{Name: "n1", Address: server.Listener.Addr().String()}, Every: time.Minute}
	for _, c := range []struct {
		name    string
		change  func(*Options)
		outcome probes.Outcome
	}{
		{"bearer", func(o *Options) { o.BearerToken = secret.New("open-sesame") }, probes.Pass},
		{"basic", func(o *Options) {
			o.Basic = &exchange.Basic{Username: "api_keys_health", Password: secret.New("open-sesame")}
		}, probes.Pass},
		{"wrong", func(o *Options) {
			o.Basic = &exchange.Basic{Username: "api_keys_health", Password: secret.New("opensesame")}
		}, probes.Unknown},
		{"by IPv4", func(o *Options) { o.BearerToken, o.IPVersion = secret.New("open-sesame"), dial.Only4 }, probes.Pass},
		{"by IPv6", func(o *Options) { o.BearerToken, o.IPVersion = secret.New("open-sesame"), dial.Only6 }, probes.Fail},
		{"unreadable", func(o *Options) { o.BearerToken = secret.FromFile("/does/not/exist") }, probes.Unknown},
	} {
		o := options("", c.change)
		require.True(t, o.UsesNodes(probes.Setting{Provider: provider}))
		got := probetest.Run(t, o, target, probetest.Limit)
		require.Equal(t, c.outcome, got.Outcome, "%s: %s", c.name, got.Detail)
		if c.outcome == probes.Pass {
			require.NotZero(t, got.Facts.CertificateNotAfter)
		}
		if c.name == "wrong" {
			require.Equal(t, probes.ReasonClientRefused, got.Reason)
			require.False(t, got.NotBefore.IsZero())
		}
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, address string
		timeout       time.Duration
		want          probes.Reason
	}{
		{"nobody", probetest.Closed(t), probetest.Limit, probes.ReasonConnect},
		{"silent", probetest.Silent(t), 2 * time.Second, probes.ReasonTimeout},
		{"garbage", probetest.Script(t, "<GET", "220 hello", "", "..."), probetest.Limit, probes.ReasonBadResponse},
		{"endless", probetest.Script(t, "<GET", "HTTP/1.1 200 OK", "", strings.Repeat("OK", maxBody), "..."), probetest.Limit, probes.ReasonTooLarge},
		{"an answer without its end", probetest.Script(t, "<GET", "HTTP/1.1 200 OK", "Content-Length: 3", "", "..."), 2 * time.Second, probes.ReasonTimeout},
	} {
		got := probetest.Run(t, options("http://"+c.address+"/testall", nil), probes.Target{}, c.timeout)
		require.Equal(t, c.want, got.Reason, "%s: %s", c.name, got.Detail)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	provider := &probes.Provider{Issuer: "https://login.example.com"}
	require.Empty(t, probetest.Problems(options("", nil), provider))
	require.False(t, options("https://other.example.com/testall", nil).UsesNodes(probes.Setting{Provider: provider}))
	for _, u := range []string{"", "testall", "ftp://a/testall", "https://me:pw@a/testall", "://"} {
		require.Equal(t, []string{"url"}, probetest.Problems(options(u, nil), nil), u)
	}
	require.Equal(t, []string{"basic"}, probetest.Problems(options("https://a/", func(o *Options) { o.Basic = &exchange.Basic{Username: "x"} }), nil))
	for path, list := range map[string][]string{"components[0]": {"a b"}, "components[1]": {"docs", "docs"}, "components": strings.Split("abcdefghijklmnopq", "")} {
		require.Equal(t, []string{path}, probetest.Problems(options("https://a/", func(o *Options) { o.Components = list }), nil))
	}
	require.Equal(t, []string{"proxy_password"}, probetest.Problems(options("https://a/", func(o *Options) { o.ProxyPassword = secret.New("x") }), nil))
}

func FuzzJudge(f *testing.F) {
	f.Add(200, []byte("OK"))
	f.Add(503, []byte("FAIL"))
	p := &probe{Options: options("", nil), where: "x", url: &url.URL{}}
	f.Fuzz(func(t *testing.T, code int, body []byte) {
		err := p.judge(&fetch.Response{Response: &http.Response{StatusCode: code, Header: http.Header{}}, Content: body}, probes.NewRun(nil))
		require.Equal(t, code == 200 && strings.TrimSpace(string(body)) == "OK", err == nil)
	})
}

// A cache tells how things were.
func TestCaches(t *testing.T) {
	t.Parallel()
	for age, want := range map[string]probes.Reason{"": "", "3": "", "86400": probes.ReasonBadResponse, "99999999999999999999": probes.ReasonBadResponse, "9999999999": probes.ReasonBadResponse, "x": ""} {
		for _, code := range []int{200, 503} {
			var asked http.Header
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header
				if age != "" {
					w.Header().Set("Age", age)
				}
				w.WriteHeader(code)
				_, _ = io.WriteString(w, "OK"[:2*(code/200%2)])
			}))
			got := probetest.Run(t, options(s.URL+"/testall", nil), probes.Target{}, probetest.Limit)
			s.Close()
			require.Equal(t, "no-cache", asked.Get("Cache-Control"))
			if want != "" {
				require.Equal(t, probes.Unknown, got.Outcome)
				require.Contains(t, got.Detail, " s ago")
			} else if code == 503 {
				want = probes.ReasonReportedDown
			}
			require.Equal(t, want, got.Reason, got.Detail)
			if code == 503 && want == probes.ReasonReportedDown {
				want = ""
			}
		}
	}
}

// What is shown of a page ends somewhere, and that may be within a credential.
func TestNoPartOfTheCredentialIsShown(t *testing.T) {
	t.Parallel()
	const canary = "kzqxvw-0123456789-canary-of-the-test"
	for before := 470; before < 505; before++ {
		for _, code := range []int{200, 503} {
			got := probetest.Run(t, options(answers(t, code, strings.Repeat("=", before-400*(code/200%2))+"Bearer "+canary), func(o *Options) {
				o.BearerToken = secret.New(canary)
			}), probes.Target{}, probetest.Limit)
			require.Contains(t, got.Detail, "====")
			require.NotContains(t, got.Detail, canary[:4])
		}
	}
}
