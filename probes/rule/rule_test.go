package rule

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func started(t *testing.T) *demo.Running {
	t.Helper()
	r, err := demo.Start(t.Context(), demo.StartOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func prepared(t *testing.T, r *demo.Running, accounts *login.Accounts, change func(*Options)) probes.Probe {
	t.Helper()
	o, ok := Kind(accounts).NewOptions().(*Options)
	require.True(t, ok)
	o.Flow, o.ClientID, o.ClientSecret = login.FlowPassword, demo.ClientID, secret.New(demo.ClientSecret)
	o.Username, o.Password = demo.Username, secret.New(demo.Password)
	o.Budget.PerMinute = 0
	change(o)
	provider := &probes.Provider{Issuer: r.Issuer}
	require.Empty(t, o.Check(probes.Setting{Provider: provider}))
	p, err := o.New(probes.Target{Probe: "rule", Provider: provider})
	require.NoError(t, err)
	return p
}

func crm(o *Options) {
	o.Expectations = map[string]string{
		"crm id":     `id_token["` + demo.ClaimCRMID + `"] == "` + demo.CRMID + `"`,
		"access too": `access_token["` + demo.ClaimRule + `"] == "` + demo.RuleName + `"`,
		"userinfo":   `userinfo.sub == id_token.sub && userinfo["` + demo.ClaimCRMID + `"] == "` + demo.CRMID + `"`,
		"response":   `response.token_type == "Bearer" && response.expires_in > 0 && !has(response.access_token)`,
		"quick":      `durations.token < 5 && durations.userinfo < 5`,
	}
}

func TestGranted(t *testing.T) {
	t.Parallel()
	d := started(t)
	p := prepared(t, d, login.NewAccounts(), crm)
	r := p.Run(t.Context())
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Len(t, r.Assertions, 5)
	require.Equal(t, StepExpectations, r.Steps[len(r.Steps)-1].Name)

	require.NoError(t, d.Provider.Set(demo.SwitchRuleRemoved, true))
	r = p.Run(t.Context())
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, probes.ReasonClaimMismatch, r.Reason)
	require.Equal(t, StepExpectations, r.FailedStep)
	require.Contains(t, r.Detail, "3 of 5 expectations failed")
	require.Contains(t, r.Detail, `there is no "`+demo.ClaimCRMID+`"`)
	var failed []string
	for _, a := range r.Assertions {
		if !a.Pass {
			failed = append(failed, a.Name)
		}
	}
	require.Equal(t, []string{"access too", "crm id", "userinfo"}, failed)
	require.True(t, r.NotBefore.IsZero())
}

func TestOpaqueHasNoClaims(t *testing.T) {
	t.Parallel()
	p := prepared(t, started(t), login.NewAccounts(), func(o *Options) {
		o.ClientID, o.ClientSecret, o.ClientAuth = demo.OpaqueClientID, secret.New(demo.OpaqueClientSecret), login.AuthPost
		o.Expectations = map[string]string{"none": `size(access_token) == 0`}
	})
	r := p.Run(t.Context())
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
}

func blocked(o *Options) {
	o.Username, o.Password = demo.BlockedUsername, secret.New(demo.BlockedPassword)
	o.Expect, o.Error, o.Description = Refused, "access_denied", "(?i)suspended"
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{login.FlowPassword, login.FlowCode} {
		t.Run(flow, func(t *testing.T) {
			t.Parallel()
			d := started(t)
			p := prepared(t, d, login.NewAccounts(), func(o *Options) { blocked(o); o.Flow = flow })
			r := p.Run(t.Context())
			require.Equal(t, probes.Pass, r.Outcome, r.Detail)
			require.Empty(t, r.FailedStep)
			for _, s := range r.Steps {
				require.Equal(t, probes.Pass, s.Outcome)
			}
			require.Equal(t, StepExpectations, r.Steps[len(r.Steps)-1].Name)

			require.NoError(t, d.Provider.Set(demo.SwitchRuleRemoved, true))
			r = p.Run(t.Context())
			require.Equal(t, probes.ReasonNotRefused, r.Reason, r.Detail)
			require.Equal(t, StepExpectations, r.FailedStep)
			require.Contains(t, r.Detail, `"access_denied"`)
		})
	}
}

func TestRefusedOtherwise(t *testing.T) {
	t.Parallel()
	d := started(t)
	p := prepared(t, d, login.NewAccounts(), func(o *Options) { blocked(o); o.Description = "moon" })
	r := p.Run(t.Context())
	require.Equal(t, probes.ReasonAccessDenied, r.Reason)
	require.Contains(t, r.Detail, `expected was a refusal with error "access_denied" with a description that matches "moon"`)
	require.Equal(t, login.StepToken, r.FailedStep)

	p = prepared(t, d, login.NewAccounts(), func(o *Options) { blocked(o); o.Password = secret.New("not-the-password") })
	r = p.Run(t.Context())
	require.Equal(t, probes.ReasonCredentialsRefused, r.Reason)
	require.WithinDuration(t, time.Now().Add(time.Minute), r.NotBefore, 10*time.Second)
	require.Equal(t, probes.SkipBackoff, p.Run(t.Context()).Skipped)
}

// An expected refusal of the password is a pass, and does not pause the account.
func TestExpectedRefusalDoesNotPause(t *testing.T) {
	t.Parallel()
	p := prepared(t, started(t), login.NewAccounts(), func(o *Options) {
		o.Password = secret.New("not-the-password")
		o.Expect, o.Error = Refused, "invalid_grant"
	})
	for range 3 {
		r := p.Run(t.Context())
		require.Empty(t, r.Skipped)
		require.Equal(t, probes.Pass, r.Outcome, r.Detail)
		require.True(t, r.NotBefore.IsZero())
	}
}

func TestAccountsAreShared(t *testing.T) {
	t.Parallel()
	d := started(t)
	accounts := login.NewAccounts()
	wrong := func(o *Options) { crm(o); o.Password = secret.New("not-the-password") }
	first, second := prepared(t, d, accounts, wrong), prepared(t, d, accounts, wrong)
	require.Equal(t, probes.ReasonCredentialsRefused, first.Run(t.Context()).Reason)
	require.Equal(t, probes.SkipBackoff, second.Run(t.Context()).Skipped)
	require.EqualValues(t, 1, d.Provider.Stats().RefusedPasswords[demo.Username])
}

func TestCheck(t *testing.T) {
	t.Parallel()
	provider := &probes.Provider{Issuer: "https://id.example"}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   []string
	}{
		{"granted", crm, nil},
		{"refused", blocked, nil},
		{"nothing expected", func(*Options) {}, []string{"expectations"}},
		{"bad expression", func(o *Options) { o.Expectations = map[string]string{"x": "id_token.sub ==", "y": "nobody"} }, []string{"expectations.x", "expectations.y"}},
		{"refused with expectations", func(o *Options) { crm(o); o.Expect = Refused }, []string{"expectations", "error"}},
		{"bad regexp", func(o *Options) { blocked(o); o.Description = "(" }, []string{"description"}},
		{"error of a granted login", func(o *Options) { crm(o); o.Error, o.Description = "x", "y" }, []string{"error", "description"}},
		{"unknown", func(o *Options) { crm(o); o.Expect = "maybe" }, []string{"expect"}},
		{"userinfo", func(o *Options) { crm(o); o.Userinfo = login.UserinfoNever }, []string{"userinfo"}},
		{"the login's", func(o *Options) { crm(o); o.ClientID = "" }, []string{"client_id"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, _ := Kind(login.NewAccounts()).NewOptions().(*Options)
			o.ClientID, o.Username, o.Password = "probe", "alice", secret.New("password")
			c.change(o)
			var paths []string
			for _, p := range o.Check(probes.Setting{Provider: provider}) {
				require.False(t, strings.HasSuffix(p.Message, "."))
				if len(paths) == 0 || paths[len(paths)-1] != p.Path {
					paths = append(paths, p.Path)
				}
			}
			require.Equal(t, c.want, paths)
		})
	}
}
