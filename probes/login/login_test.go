package login

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestFlows(t *testing.T) {
	t.Parallel()
	f := startedTLS(t)
	code := []string{StepDiscovery, StepJWKS, StepAuthorize, StepLoginPage, StepCredentials, StepConsent, StepCallback, StepToken, StepVerify}
	direct := []string{StepDiscovery, StepJWKS, StepToken, StepVerify}
	for _, c := range []struct {
		name   string
		change func(*Options)
		steps  []string
	}{
		{"code", nil, code},
		{"code, public client", publicClient, code},
		{"code, opaque", opaqueClient, append(code[:len(code):len(code)], StepUserinfo)},
		{"password", byPassword, direct},
		{"password, userinfo", func(o *Options) { byPassword(o); o.Require = []string{RequireUserinfo, RequireATHash} }, append(direct[:4:4], StepUserinfo)},
		{"password, opaque", func(o *Options) { byPassword(o); opaqueClient(o) }, append(direct[:4:4], StepUserinfo)},
		{"password_realm", byRealm, direct},
		{"client_credentials", byClient, direct},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := f.Provider.Stats()
			r := f.login(t, c.change).Run(t.Context())
			require.Equal(t, probes.Pass, r.Outcome, "%s %s: %s", r.FailedStep, r.Reason, r.Detail)
			require.Equal(t, c.steps, stepNames(r))
			for _, s := range r.Steps {
				require.Equal(t, probes.Pass, s.Outcome)
			}
			require.Empty(t, r.Reason)
			require.False(t, r.Facts.CertificateNotAfter.IsZero())
			require.NotNil(t, r.Facts.ClockOffset)
			require.Positive(t, *r.Facts.JWKSKeys)
			require.NotEmpty(t, r.Facts.KeyIDs)
			require.Positive(t, r.Facts.TokenLifetimes["access_token"])
			require.EqualValues(t, 1, f.Provider.Stats().TLSHandshakes-before.TLSHandshakes, "one TLS handshake a login")
			t.Log(r.Unverified)
		})
	}
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, step string
		reason     probes.Reason
		change     func(*Options)
	}{
		{demo.SwitchWrongPassword, StepCredentials, probes.ReasonCredentialsRefused, nil},
		{demo.SwitchWrongPassword, StepToken, probes.ReasonCredentialsRefused, byPassword},
		{demo.SwitchCRMDown, StepCallback, probes.ReasonAccessDenied, nil},
		{demo.SwitchCRMDown, StepToken, probes.ReasonAccessDenied, byPassword},
		{demo.SwitchKeyUnpublished, StepVerify, probes.ReasonTokenInvalid, byPassword},
		{demo.SwitchWrongAudience, StepVerify, probes.ReasonTokenInvalid, byPassword},
		{demo.SwitchSlowLogin, StepToken, probes.ReasonTimeout, byPassword},
		{demo.SwitchSlowLogin, "", probes.ReasonTimeout, nil},
	} {
		t.Run(c.name+"/"+c.step, func(t *testing.T) {
			t.Parallel()
			f := started(t, demo.StartOptions{})
			l := f.login(t, c.change)
			require.NoError(t, f.Provider.Set(c.name, true))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			r := l.Run(ctx)
			require.Equal(t, probes.Fail, r.Outcome)
			require.Equal(t, c.reason, r.Reason, r.Detail)
			if c.step != "" {
				require.Equal(t, c.step, r.FailedStep)
			}
			require.NotContains(t, r.Detail, demo.Password)
			t.Log(r.Detail)
			require.NoError(t, f.Provider.Set(c.name, false))
			r = l.Run(Force(t.Context()))
			require.Equal(t, probes.Pass, r.Outcome, r.Detail)
		})
	}
}

func TestTokenFaults(t *testing.T) {
	t.Parallel()
	f := started(t, demo.StartOptions{})
	want := map[demo.Fault]string{
		demo.FaultAlgNone: "alg none", demo.FaultHS256PublicKey: "alg HS256 is not accepted", demo.FaultForeignKey: "signature does not verify",
		demo.FaultBadSignature: "signature does not verify", demo.FaultNoKeyID: "", demo.FaultExpired: "expired", demo.FaultNoExpiry: "exp is absent",
		demo.FaultIssuedInFuture: "in the future", demo.FaultNotYetValid: "not valid before", demo.FaultWrongIssuer: "iss is",
		demo.FaultWrongAudience: "aud is", demo.FaultExtraAudience: "azp is", demo.FaultWrongAuthorizedParty: "azp is",
		demo.FaultWrongSubject: "userinfo speaks of another sub", demo.FaultNoSubject: "sub is absent", demo.FaultWrongNonce: "nonce is not",
		demo.FaultNoNonce: "nonce is absent", demo.FaultBadAtHash: "at_hash does not match", demo.FaultNoAtHash: "",
	}
	l := f.login(t, func(o *Options) { o.Userinfo = UserinfoAlways })
	for _, fault := range demo.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			cause, known := want[fault]
			require.True(t, known, "a fault this test does not know")
			f.Provider.SetIDTokenFault(fault)
			defer f.Provider.SetIDTokenFault(demo.FaultNone)
			r := l.Run(t.Context())
			if cause == "" {
				require.Equal(t, probes.Pass, r.Outcome, r.Detail)
				return
			}
			require.Equal(t, probes.Fail, r.Outcome)
			require.Contains(t, r.Detail, cause)
			if fault == demo.FaultWrongSubject {
				require.Equal(t, probes.ReasonUserinfoMismatch, r.Reason)
			} else {
				require.Equal(t, probes.ReasonTokenInvalid, r.Reason)
				require.Equal(t, StepVerify, r.FailedStep)
			}
		})
	}
	for fault, cause := range map[demo.Fault]string{
		demo.FaultAlgNone: "access_token: alg none", demo.FaultWrongAudience: `want audience "https://api.demo.example"`, demo.FaultExpired: "access_token: expired",
	} {
		f.Provider.SetAccessTokenFault(fault)
		r := l.Run(t.Context())
		require.Equal(t, probes.ReasonTokenInvalid, r.Reason, r.Detail)
		require.Contains(t, r.Detail, cause)
	}
}

func TestUnknownKeyIsFetchedAgain(t *testing.T) {
	t.Parallel()
	f := started(t, demo.StartOptions{})
	require.NoError(t, f.Provider.Set(demo.SwitchKeyUnpublished, true))
	r := f.login(t, byPassword).Run(t.Context())
	require.Equal(t, probes.ReasonTokenInvalid, r.Reason)
	require.Contains(t, r.Detail, "is not in the provider's key set")
	require.Contains(t, r.Detail, "fetched twice")
	require.EqualValues(t, 2, f.Provider.Stats().Requests["GET "+demo.PathJWKS])
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	f := started(t, demo.StartOptions{})
	for _, c := range []struct {
		name   string
		change func(*Options)
		step   string
		reason probes.Reason
	}{
		{"blocked by the rule, code", func(o *Options) {
			o.Username, o.Password = demo.BlockedUsername, secret.New(demo.BlockedPassword)
		}, StepCallback, probes.ReasonAccessDenied},
		{"blocked by the rule, password", func(o *Options) {
			byPassword(o)
			o.Username, o.Password = demo.BlockedUsername, secret.New(demo.BlockedPassword)
		}, StepToken, probes.ReasonAccessDenied},
		{"wrong client secret", func(o *Options) { byPassword(o); o.ClientSecret = secret.New("wrong-client-secret") }, StepToken, probes.ReasonClientRefused},
		{"wrong client secret, code", func(o *Options) { o.ClientSecret = secret.New("wrong-client-secret") }, StepToken, probes.ReasonClientRefused},
		{"wrong style", func(o *Options) { byPassword(o); opaqueClient(o); o.ClientAuth = AuthBasic }, StepToken, probes.ReasonClientRefused},
		{"unknown client", func(o *Options) { o.ClientID = "nobody" }, StepLoginPage, probes.ReasonHTTPStatus},
		{"unknown audience", func(o *Options) { byPassword(o); o.Audience = "https://other.example" }, StepToken, probes.ReasonOAuthError},
		{"jwt required", func(o *Options) { byPassword(o); opaqueClient(o); o.AccessToken = AccessTokenJWT }, StepVerify, probes.ReasonTokenInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := f.login(t, c.change).Run(t.Context())
			require.Equal(t, probes.Fail, r.Outcome)
			require.Equal(t, c.reason, r.Reason, r.Detail)
			require.Equal(t, c.step, r.FailedStep, r.Detail)
			t.Log(r.Detail)
			require.NotContains(t, r.Detail, "wrong-client-secret")
		})
	}
}
