package login

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	good := func(o *Options) { o.ClientID, o.Username, o.Password = "probe", "alice", secret.New("p") }
	for _, c := range []struct {
		name   string
		issuer string
		change func(*Options)
		want   []string // paths; a leading ~ marks a warning
	}{
		{"defaults", "https://id.example", func(*Options) {}, nil},
		{"no provider", "", func(*Options) {}, []string{"provider"}},
		{"http", "http://id.example", func(*Options) {}, []string{"~provider"}},
		{"http on loopback", "http://127.0.0.1:1", func(*Options) {}, nil},
		{"nothing", "https://id.example", func(o *Options) { o.ClientID, o.Username, o.Password = "", "", secret.Secret{} }, []string{"username", "password", "client_id"}},
		{"unknown flow", "https://id.example", func(o *Options) { o.Flow = "implicit" }, []string{"flow"}},
		{"realm missing", "https://id.example", func(o *Options) { o.Flow = FlowPasswordRealm }, []string{"realm"}},
		{"realm too much", "https://id.example", func(o *Options) { o.Realm = "x" }, []string{"realm"}},
		{"client_credentials with a user", "https://id.example", func(o *Options) { o.Flow = FlowClientCredentials }, []string{"username", "password", "client_secret"}},
		{"secret without style", "https://id.example", func(o *Options) { o.ClientAuth = AuthPost }, []string{"client_secret"}},
		{"style none with a secret", "https://id.example", func(o *Options) { o.ClientAuth, o.ClientSecret = AuthNone, secret.New("s") }, []string{"client_auth"}},
		{"unknown style", "https://id.example", func(o *Options) { o.ClientAuth = "private_key_jwt" }, []string{"client_auth"}},
		{"limits", "https://id.example", func(o *Options) {
			o.MaxSkew, o.MaxRedirects, o.MaxPages, o.RefusedBackoff = time.Hour, 0, 100, Backoff{}
		}, []string{"max_skew", "max_redirects", "max_pages", "refused_backoff.initial"}},
		{"budget", "https://id.example", func(o *Options) { o.Budget.PerMinute = -1 }, []string{"budget.per_minute"}},
		{"no budget", "https://id.example", func(o *Options) { o.Budget.PerMinute = 0 }, nil},
		{"backoff upside down", "https://id.example", func(o *Options) { o.RefusedBackoff.Max = time.Second }, []string{"refused_backoff.max"}},
		{"origins", "https://id.example", func(o *Options) {
			o.AllowedOrigins = []string{"https://ok.example", "ok.example", "https://x.example/path", "http://plain.example"}
		}, []string{"allowed_origins[1]", "allowed_origins[2]", "~allowed_origins[3]"}},
		{"redirect_uri", "https://id.example", func(o *Options) { o.RedirectURI = "/callback" }, []string{"redirect_uri"}},
		{"app's redirect_uri", "https://id.example", func(o *Options) { o.RedirectURI = "com.example.app:/callback" }, nil},
		{"discovery_url", "https://id.example", func(o *Options) { o.DiscoveryURL = "ftp://x" }, []string{"discovery_url"}},
		{"params", "https://id.example", func(o *Options) {
			o.Params = map[string]string{"state": "x", "prompt": "login", "response_mode": "fragment"}
		}, []string{"params.response_mode", "params.state"}},
		{"scopes", "https://id.example", func(o *Options) { o.Scopes = []string{"openid email"} }, []string{"scopes[0]"}},
		{"algs", "https://id.example", func(o *Options) { o.SigningAlgs = []string{"RS256", "HS256"} }, []string{"signing_algs[1]"}},
		{"require", "https://id.example", func(o *Options) {
			o.Flow, o.Require, o.Userinfo = FlowPassword, []string{"nonce", "moon", "userinfo"}, UserinfoNever
		}, []string{"require[0]", "require[1]", "require[2]"}},
		{"choices", "https://id.example", func(o *Options) { o.Userinfo, o.AccessToken = "x", "y" }, []string{"userinfo", "access_token"}},
		{"opaque with audience", "https://id.example", func(o *Options) { o.AccessToken, o.Audience = AccessTokenOpaque, "a" }, []string{"~access_token"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, ok := Kind(NewAccounts()).NewOptions().(*Options)
			require.True(t, ok)
			good(o)
			c.change(o)
			setting := probes.Setting{}
			if c.issuer != "" {
				setting.Provider = &probes.Provider{Issuer: c.issuer}
			}
			var paths []string
			for _, p := range o.Check(setting) {
				require.NotEmpty(t, p.Message)
				if p.Warning {
					p.Path = "~" + p.Path
				}
				paths = append(paths, p.Path)
			}
			require.Equal(t, c.want, paths)
			if c.want == nil {
				_, err := o.New(probes.Target{Probe: "x", Provider: setting.Provider})
				require.NoError(t, err)
			}
		})
	}
}

func TestKind(t *testing.T) {
	t.Parallel()
	k := Kind(NewAccounts())
	require.Equal(t, "login", k.Name)
	require.Equal(t, Steps(), k.Steps)
	o, _ := k.NewOptions().(*Options)
	require.Equal(t, []string{"openid"}, o.withDefaults().Scopes)
	require.Equal(t, AuthNone, o.withDefaults().ClientAuth)
	o.ClientSecret = secret.New("s")
	require.Equal(t, AuthBasic, o.withDefaults().ClientAuth)
	o.Flow = FlowClientCredentials
	require.Empty(t, o.withDefaults().Scopes)
	_, err := o.New(probes.Target{})
	require.Error(t, err)
}

func TestSecretUnavailable(t *testing.T) {
	t.Parallel()
	s := script(t, nil)
	r := s.login(t, func(o *Options) { o.Password = secret.FromFile(filepath.Join(t.TempDir(), "none")) }).Run(t.Context())
	require.Equal(t, probes.ReasonSecretUnavailable, r.Reason)
	require.Empty(t, s.got())
}

func TestDown(t *testing.T) {
	t.Parallel()
	s := script(t, nil)
	l := s.login(t, nil)
	s.Close()
	r := l.Run(t.Context())
	require.Equal(t, probes.ReasonConnect, r.Reason, r.Detail)
	require.Equal(t, StepDiscovery, r.FailedStep)
}
