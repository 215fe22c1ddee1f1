package demo

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// started returns a running provider; ES256 keys, because they are made at once.
func started(t *testing.T, o StartOptions) *Running {
	t.Helper()
	if o.SigningAlg == "" {
		o.SigningAlg = "ES256"
	}
	r, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// browser keeps cookies and follows redirects within the provider, but not to the client.
type browser struct {
	t    *testing.T
	http *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := newClient(t)
	c.Jar = jar
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/callback" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &browser{t, c}
}

// newClient returns an HTTP client that leaves no connection behind.
func newClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// page is an answer with its document read.
type page struct {
	*http.Response
	doc *goquery.Document
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	resp, err := b.http.Do(r)
	require.NoError(b.t, err)
	defer func() { _ = resp.Body.Close() }()
	doc, err := goquery.NewDocumentFromReader(resp.Body)
	require.NoError(b.t, err)
	return page{resp, doc}
}

func (b *browser) get(u string) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, u, nil)
	require.NoError(b.t, err)
	return b.do(r)
}

func (b *browser) post(u string, form url.Values) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, u, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// submit posts the page's one form, with the given fields on top of its own.
func (b *browser) submit(p page, fields url.Values) page {
	b.t.Helper()
	form := p.doc.Find("form")
	require.Equal(b.t, 1, form.Length(), "one form on %s", p.Request.URL)
	values := url.Values{}
	form.Find("input").Each(func(_ int, s *goquery.Selection) {
		values.Set(s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	for name := range fields {
		values.Set(name, fields.Get(name))
	}
	action, err := p.Request.URL.Parse(form.AttrOr("action", ""))
	require.NoError(b.t, err)
	return b.post(action.String(), values)
}

func credentials(username, password string) url.Values {
	return url.Values{"username": {username}, "password": {password}}
}

// callback returns the parameters of a redirect to the client.
func callback(t *testing.T, p page) url.Values {
	t.Helper()
	require.Equal(t, http.StatusSeeOther, p.StatusCode, p.doc.Text())
	u, err := p.Location()
	require.NoError(t, err)
	require.Equal(t, "/callback", u.Path)
	return u.Query()
}

// relyingParty is a client of the provider, made of independent libraries.
type relyingParty struct {
	*Running
	t      *testing.T
	http   *http.Client
	op     *oidc.Provider
	config *oauth2.Config
}

func newRelyingParty(t *testing.T, r *Running, clientID string) *relyingParty {
	t.Helper()
	secrets := map[string]string{ClientID: ClientSecret, OpaqueClientID: OpaqueClientSecret, MachineClientID: MachineClientSecret}
	client := newClient(t)
	op, err := oidc.NewProvider(oidc.ClientContext(t.Context(), client), r.Issuer)
	require.NoError(t, err)
	endpoint := op.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if clientID == OpaqueClientID || clientID == PublicClientID {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &relyingParty{r, t, client, op, &oauth2.Config{
		ClientID: clientID, ClientSecret: secrets[clientID], Endpoint: endpoint, RedirectURL: RedirectURI,
		Scopes: []string{"openid", "profile", "email", "offline_access"},
	}}
}

// ctx makes the libraries use the client.
func (rp *relyingParty) ctx() context.Context { return oidc.ClientContext(rp.t.Context(), rp.http) }

const (
	testState = "the-state"
	testNonce = "the-nonce"
)

// authorizeURL begins a code flow.
func (rp *relyingParty) authorizeURL(verifier string) string {
	return rp.config.AuthCodeURL(testState, oidc.Nonce(testNonce), oauth2.S256ChallengeOption(verifier))
}

// signIn takes the whole code flow with a fresh browser.
func (rp *relyingParty) signIn() *oauth2.Token {
	rp.t.Helper()
	verifier := oauth2.GenerateVerifier()
	answer := rp.authorizeWith(verifier, Username, Password)
	require.Equal(rp.t, testState, answer.Get("state"))
	require.Equal(rp.t, rp.Issuer, answer.Get("iss"))
	token, err := rp.config.Exchange(rp.ctx(), answer.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(rp.t, err)
	return token
}

// authorizeWith takes the code flow up to the callback, consent included if it is asked for.
func (rp *relyingParty) authorizeWith(verifier, username, password string) url.Values {
	rp.t.Helper()
	b := newBrowser(rp.t)
	after := b.submit(b.get(rp.authorizeURL(verifier)), credentials(username, password))
	if after.StatusCode == http.StatusOK {
		after = b.submit(after, url.Values{"decision": {"allow"}})
	}
	return callback(rp.t, after)
}

// verify checks an ID token independently of the provider's library.
func (rp *relyingParty) verify(token *oauth2.Token) (*oidc.IDToken, error) {
	rp.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	require.NotEmpty(rp.t, raw)
	return rp.op.Verifier(&oidc.Config{
		ClientID: rp.config.ClientID, SupportedSigningAlgs: []string{string(rp.Provider.keys.alg)},
	}).Verify(rp.t.Context(), raw)
}

// claimsOf reads a JWT without verifying it.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	claims, err := tokenClaims(token)
	require.NoError(t, err)
	return claims
}

// answer is one of the token endpoint.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// tokenRequest posts to the token endpoint. With a user name, it authenticates by Basic.
func tokenRequest(t *testing.T, r *Running, basicUser, basicPassword string, form url.Values) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.Issuer+PathToken, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if basicUser != "" {
		req.SetBasicAuth(url.QueryEscape(basicUser), url.QueryEscape(basicPassword))
	}
	resp, err := newClient(t).Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	a := answer{status: resp.StatusCode, header: resp.Header}
	require.NoError(t, json.Unmarshal(raw, &a.body), string(raw))
	return a
}

// passwordForm is a good password grant, with changes.
func passwordForm(changes ...string) url.Values {
	form := credentials(Username, Password)
	form.Set("grant_type", GrantTypePassword)
	form.Set("scope", "openid profile email")
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			form.Del(changes[i])
		} else {
			form.Set(changes[i], changes[i+1])
		}
	}
	return form
}

// passwordLogin is a password grant of the web client.
func passwordLogin(t *testing.T, r *Running, changes ...string) answer {
	t.Helper()
	return tokenRequest(t, r, ClientID, ClientSecret, passwordForm(changes...))
}

func userinfo(t *testing.T, r *Running, accessToken string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.Issuer+PathUserinfo, nil)
	require.NoError(t, err)
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	resp, err := newClient(t).Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode == http.StatusOK {
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&a.body))
	}
	return a
}
