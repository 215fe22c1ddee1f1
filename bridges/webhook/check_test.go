package webhook

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	yes := true
	for path, change := range map[string]func(*Options){
		"template":         func(o *Options) { o.Template = "opsgenie" },
		"body":             func(o *Options) { o.Body = "{}" },
		"method":           func(o *Options) { o.Method = "PUT" },
		"content_type":     func(o *Options) { o.ContentType = "text/plain" },
		"url":              func(o *Options) { o.URL = URL{} },
		"url_file":         func(o *Options) { o.URLFile = "x" },
		"values.chanel":    func(o *Options) { o.Values = map[string]string{"chanel": "x"} },
		"values.mode":      func(o *Options) { o.Values = map[string]string{"mode": "stream"} },
		"severities.bad":   func(o *Options) { o.Severities = map[probes.Severity]string{"bad": "x"} },
		"severities.minor": func(o *Options) { o.Severities = map[probes.Severity]string{"minor": ""} },
		"routing_key":      func(o *Options) { o.RoutingKey = secret.New("x") },
		"headers.Host":     func(o *Options) { o.Headers = map[string]string{"Host": "x"} },
		"headers.A B":      func(o *Options) { o.Headers = map[string]string{"A B": "x"} },
		"headers.A":        func(o *Options) { o.Headers = map[string]string{"A": "x\n"} },
		"secret_headers.X-A": func(o *Options) {
			o.Headers, o.SecretHeaders = map[string]string{"x-a": ""}, map[string]secret.Secret{"X-A": secret.New("")}
		},
		"basic":            func(o *Options) { o.Basic = &Basic{Username: "a"} },
		"basic.username":   func(o *Options) { o.Basic = &Basic{"a:b", secret.New("x")} },
		"oauth2":           func(o *Options) { o.OAuth2 = &OAuth2{TokenURL: "https://a"} },
		"oauth2.token_url": func(o *Options) { o.OAuth2 = &OAuth2{TokenURL: "a", ClientID: "a", ClientSecret: secret.New("x")} },
		"oauth2.client_auth": func(o *Options) {
			o.OAuth2 = &OAuth2{TokenURL: "https://a", ClientID: "a", ClientSecret: secret.New("x"), ClientAuth: "x"}
		},
		"hmac":           func(o *Options) { o.HMAC = &HMAC{} },
		"hmac.header":    func(o *Options) { o.HMAC = &HMAC{Secret: secret.New("x"), Header: "a b"} },
		"hmac.algorithm": func(o *Options) { o.HMAC = &HMAC{Secret: secret.New("x"), Algorithm: "md5"} },
		"retry[0]":       func(o *Options) { o.Retry, o.Accept = []Status{"409"}, []Status{"409"} },
		"timeout":        func(o *Options) { o.Timeout = 0 },
		"max_bytes":      func(o *Options) { o.MaxBytes = 1 },
		"tls":            func(o *Options) { o.TLS.CertFile = "a" },
		"proxy":          func(o *Options) { o.Proxy = "gopher://a" },
		"proxy_password": func(o *Options) { o.ProxyPassword = secret.New("x") },
	} {
		o := optionsFor("cloudevents", "https://receiver.example/hook")
		require.Empty(t, o.Check(setting))
		change(o)
		problems := o.Check(setting)
		require.Len(t, problems, 1, path)
		require.Equal(t, path, problems[0].Path)
		require.False(t, problems[0].Warning)
		_, err := o.New(setting)
		require.ErrorContains(t, err, path)
	}
	for template, path := range map[string]string{"pagerduty": "routing_key", "obm": "basic"} {
		o := NewOptions()
		o.Template, o.URL = template, NewURL("https://receiver.example")
		require.Equal(t, path, o.Check(setting)[0].Path)
	}
	o := optionsFor("pagerduty", "")
	o.SendHeartbeats = &yes
	require.Equal(t, "send_heartbeats", o.Check(setting)[0].Path)
	o = optionsFor("servicenow", "https://a.service-now.com/api")
	require.Equal(t, "url", o.Check(setting)[0].Path)
	o = NewOptions()
	require.Equal(t, "template", o.Check(setting)[0].Path)
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	o := optionsFor("slack", "https://hooks.slack.com/services/T/B/x")
	problems := o.Check(setting)
	require.Len(t, problems, 1)
	require.True(t, problems[0].Warning)
	require.NotContains(t, problems[0].Message, "services")
	o = optionsFor("servicenow", "http://receiver.example")
	require.Contains(t, o.Check(setting)[0].Message, "unencrypted")
}

func TestURL(t *testing.T) {
	t.Setenv("HOOK_URL", "https://hooks.example/canary")
	var u URL
	require.NoError(t, u.UnmarshalText([]byte("${HOOK_URL}")))
	o := optionsFor("slack", "")
	o.URL = u
	require.Empty(t, o.Check(setting))
	require.ErrorContains(t, u.UnmarshalText([]byte("${HOOK_URL_THAT_IS_NOT_SET}")), "HOOK_URL_THAT_IS_NOT_SET")
	for _, bad := range []string{"receiver.example", "ftp://a", "https://user:pass@a/", "https:///x", "http://[::1", "https://:80"} {
		o.URL = NewURL(bad)
		problems := o.Check(setting)
		require.NotEmpty(t, problems, bad)
		require.NotContains(t, problems[0].Message, "pass@")
	}
	o.URL, o.URLFile = URL{}, filepath.Join(t.TempDir(), "url")
	require.Equal(t, "url_file", o.Check(setting)[0].Path)
	require.NoError(t, os.WriteFile(o.URLFile, []byte("https://hooks.example/x\n"), 0o600))
	require.Empty(t, o.Check(setting))
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"200", "5xx", "429"} {
		require.NoError(t, new(Status).UnmarshalText([]byte(s)))
	}
	for _, s := range []string{"", "20", "600", "2x0", "xxx", "+20", "099"} {
		require.Error(t, new(Status).UnmarshalText([]byte(s)), s)
	}
	require.Equal(t, 10*time.Second, NewOptions().Timeout)
}
