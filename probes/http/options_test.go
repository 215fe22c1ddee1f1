package httpprobe

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

var provider = &probes.Provider{Name: "acme", Issuer: "https://login.example.com/realms/acme"}

func TestKind(t *testing.T) {
	t.Parallel()
	k := Kind()
	require.Equal(t, "http", k.Name)
	require.Equal(t, []string{"dns", "connect", "tls", "request", "response"}, k.Steps)
	setting := probes.Setting{Provider: provider, Every: time.Minute, Timeout: 10 * time.Second}
	require.Empty(t, k.NewOptions().Check(setting), "with a provider no option is needed")
	require.NotSame(t, k.NewOptions(), k.NewOptions())
	p, err := k.NewOptions().New(probes.Target{Provider: provider})
	require.NoError(t, err)
	require.Equal(t, "https://login.example.com/realms/acme/.well-known/openid-configuration", p.(*probe).url.String())
}

func TestCheck(t *testing.T) {
	t.Parallel()
	key := secret.New("k")
	for _, c := range []struct {
		name     string
		change   func(*Options)
		alone    bool // without a provider
		path     string
		message  string
		warnings bool
	}{
		{name: "absolute", change: func(o *Options) { o.URL = "http://127.0.0.1:8080/x?y=z" }, alone: true},
		{name: "path", change: func(o *Options) { o.URL = "/health" }},
		{name: "no url", change: func(*Options) {}, alone: true, path: "url", message: "needs the url"},
		{name: "path alone", change: func(o *Options) { o.URL = "/health" }, alone: true, path: "url", message: "no provider"},
		{name: "no scheme", change: func(o *Options) { o.URL = "login.example.com/health" }, path: "url", message: "not a URL"},
		{name: "other scheme", change: func(o *Options) { o.URL = "ftp://x.example/" }, path: "url", message: "not a URL"},
		{name: "not parsed", change: func(o *Options) { o.URL = "https://u:p%zz@x.example/" }, path: "url", message: "not a URL"},
		{name: "password in url", change: func(o *Options) { o.URL = "https://u:hunter2@x.example/" }, path: "url", message: "password_file"},
		{name: "method", change: func(o *Options) { o.Method = "get" }, path: "method", message: "use one of GET"},
		{name: "body of GET", change: func(o *Options) { o.Body = "x" }, path: "body", message: "POST"},
		{name: "redirects", change: func(o *Options) { o.MaxRedirects = 21 }, path: "max_redirects", message: "0 to 20"},
		{name: "no body", change: func(o *Options) { o.MaxBody = 0 }, path: "max_body", message: "16MiB"},
		{name: "large body", change: func(o *Options) { o.MaxBody = 17 << 20 }, path: "max_body", message: "16MiB"},
		{name: "status", change: func(o *Options) { o.Status = []Status{"200", "2xx", "20x"} }, path: "status[2]", message: `"20x"`},
		{name: "status range", change: func(o *Options) { o.Status = []Status{"600"} }, path: "status[0]", message: `"600"`},
		{name: "no status", change: func(o *Options) { o.Status = nil }, path: "status", message: "empty"},
		{name: "pattern", change: func(o *Options) { o.BodyMatches = []string{"ok", "("} }, path: "body_matches[1]", message: "RE2"},
		{name: "negative pattern", change: func(o *Options) { o.BodyNotMatches = []string{`(?=x)`} }, path: "body_not_matches[0]", message: "RE2"},
		{name: "header pattern", change: func(o *Options) { o.HeaderMatches = map[string]string{"x-a": "["} }, path: "header_matches.x-a", message: "RE2"},
		{name: "cel", change: func(o *Options) { o.JSON = map[string]string{"version": "json.v =="} }, path: "json.version", message: "column"},
		{name: "cel variable", change: func(o *Options) { o.JSON = map[string]string{"v": "token == 1"} }, path: "json.v", message: "token"},
		{name: "cel type", change: func(o *Options) { o.JSON = map[string]string{"v": "body"} }, path: "json.v", message: "bool"},
		{name: "header name", change: func(o *Options) { o.Headers = map[string]string{"a b": "x"} }, path: "headers.a b", message: "not a header name"},
		{name: "header value", change: func(o *Options) { o.Headers = map[string]string{"A": "x\r\nB: y"} }, path: "headers.A", message: "line break"},
		{name: "framing", change: func(o *Options) { o.Headers = map[string]string{"content-length": "1"} }, path: "headers.content-length", message: "cannot be set"},
		{name: "credential in clear", change: func(o *Options) { o.Headers = map[string]string{"authorization": "x"} }, path: "headers.authorization", message: "secret_headers", warnings: true},
		{name: "header twice", change: func(o *Options) {
			o.Headers = map[string]string{"X-A": "x"}
			o.SecretHeaders = map[string]secret.Secret{"x-a": key}
		}, path: "secret_headers.x-a", message: "already set by headers.X-A"},
		{name: "two credentials", change: func(o *Options) { o.BearerToken = key; o.Basic = &Basic{"u", key} }, path: "basic", message: "already set by bearer_token"},
		{name: "no user", change: func(o *Options) { o.Basic = &Basic{Password: key} }, path: "basic.username", message: "user name"},
		{name: "colon", change: func(o *Options) { o.Basic = &Basic{"a:b", key} }, path: "basic.username", message: "colon"},
		{name: "no password", change: func(o *Options) { o.Basic = &Basic{Username: "u"} }, path: "basic", message: "password_file"},
		{name: "unencrypted", change: func(o *Options) { o.URL = "http://x.example/"; o.BearerToken = key }, path: "url", message: "unencrypted", warnings: true},
		{name: "unencrypted at home", change: func(o *Options) { o.URL = "http://127.0.0.1/"; o.BearerToken = key }},
		{name: "origins", change: func(o *Options) { o.AllowedOrigins = []string{"https://a.example", "https://a.example/x"} }, path: "allowed_origins[1]", message: "not an origin"},
		{name: "slow", change: func(o *Options) { o.WarnSlowerThan = 10 * time.Second }, path: "warn_slower_than", message: "never reached"},
		{name: "tls", change: func(o *Options) { o.TLS.MinVersion = "3" }, path: "", message: "min_version"},
		{name: "ca", change: func(o *Options) { o.TLS.CAFile = filepath.Join("no", "such.pem") }, path: "", message: "ca_file"},
		{name: "proxy", change: func(o *Options) { o.Proxy = "x" }, path: "", message: "proxy"},
		{name: "proxy password", change: func(o *Options) { o.ProxyPassword = key }, path: "proxy_password", message: "no proxy"},
		{name: "nothing of HEAD", change: func(o *Options) { o.Method = "HEAD"; o.BodyEquals = "OK" }, path: "method", message: "use GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, setting := NewOptions(), probes.Setting{Provider: provider, Every: time.Minute, Timeout: 10 * time.Second}
			c.change(o)
			if c.alone {
				setting.Provider = nil
			}
			got := o.Check(setting)
			_, err := o.New(probes.Target{Probe: "p", Provider: setting.Provider})
			if c.message == "" {
				require.Empty(t, got)
				require.NoError(t, err)
				return
			}
			require.Len(t, got, 1, "%v", got)
			require.Equal(t, c.path, got[0].Path)
			require.Contains(t, got[0].Message, c.message)
			require.NotContains(t, got[0].Message, "hunter2")
			require.Equal(t, c.warnings, got[0].Warning)
			require.Equal(t, c.warnings || c.name == "slow", err == nil, "what is wrong cannot be built: %v", err)
		})
	}
}

func TestCheckReportsEverything(t *testing.T) {
	t.Parallel()
	o := &Options{URL: "x", Method: "FETCH", MaxRedirects: -1, Status: []Status{"1"}, BodyMatches: []string{"("}, JSON: map[string]string{"a": "(", "b": "1"}}
	var paths []string
	for _, p := range o.Check(probes.Setting{}) {
		paths = append(paths, p.Path)
	}
	for _, want := range []string{"url", "method", "max_redirects", "max_body", "status[0]", "body_matches[0]", "json.a", "json.b"} {
		require.Contains(t, paths, want)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Size{"1000": 1000, "512KiB": 512 << 10, "2MiB": 2 << 20, "2MB": 2_000_000} {
		var s Size
		require.NoError(t, s.UnmarshalText([]byte(in)))
		require.Equal(t, want, s)
	}
	for _, in := range []string{"", "big", "1 parsec", "0x10"} {
		require.ErrorContains(t, new(Size).UnmarshalText([]byte(in)), "512KiB", in)
	}
}

func TestDialOverrides(t *testing.T) {
	t.Parallel()
	p := &probes.Provider{Dial: fetch.Options{TLS: fetch.TLS{ServerName: "a"}, Proxy: "http://p:1", ProxyPassword: secret.New("x")}}
	o := NewOptions()
	require.Equal(t, "a", o.dial(p).TLS.ServerName)
	require.Equal(t, "http://p:1", o.dial(p).Proxy)
	o.TLS.MinVersion, o.Proxy = "1.3", "http://q:2"
	require.Equal(t, fetch.TLS{MinVersion: "1.3"}, o.dial(p).TLS)
	require.Equal(t, "http://q:2", o.dial(p).Proxy)
	require.False(t, o.dial(p).ProxyPassword.IsSet(), "one proxy's password is not another's")
	require.Empty(t, NewOptions().dial(nil).Proxy)
}
