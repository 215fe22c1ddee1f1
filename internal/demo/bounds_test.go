package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// visitor calls a provider's handler without a network, so that time can be faked.
type visitor struct {
	t *testing.T
	p *Provider
}

func newVisitor(t *testing.T) visitor {
	t.Helper()
	p, err := NewProvider(Options{Issuer: "http://127.0.0.1:1", SigningAlg: "EdDSA"})
	require.NoError(t, err)
	return visitor{t, p}
}

func (v visitor) do(method, path string, form url.Values, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if path == PathToken {
		r.SetBasicAuth(ClientID, ClientSecret)
	}
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.p.ServeHTTP(w, r)
	return w
}

func (v visitor) password() *httptest.ResponseRecorder {
	return v.do(http.MethodPost, PathToken, passwordForm("scope", "openid offline_access"))
}

func (v visitor) authorize(verifier string) *httptest.ResponseRecorder {
	return v.do(http.MethodGet, PathAuthorize+"?"+url.Values{
		"response_type": {"code"}, "client_id": {ClientID}, "redirect_uri": {RedirectURI},
		"scope": {"openid offline_access"}, "code_challenge_method": {"S256"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)},
	}.Encode(), nil)
}

// codeFlow signs in with consent and returns the access token.
func (v visitor) codeFlow() string {
	v.t.Helper()
	verifier := oauth2.GenerateVerifier()
	w := v.authorize(verifier)
	for _, fields := range []url.Values{credentials(Username, Password), {"decision": {"allow"}}} {
		path, cookies := w.Header().Get("Location"), w.Result().Cookies()
		cookie := cookies[len(cookies)-1]
		doc, err := goquery.NewDocumentFromReader(v.do(http.MethodGet, path, nil, cookie).Body)
		require.NoError(v.t, err)
		fields.Set("csrf_token", doc.Find("[name=csrf_token]").AttrOr("value", ""))
		w = v.do(http.MethodPost, path, fields, cookie)
		require.Equal(v.t, http.StatusSeeOther, w.Code, w.Body)
	}
	target, err := url.Parse(w.Header().Get("Location"))
	require.NoError(v.t, err)
	w = v.do(http.MethodPost, PathToken, url.Values{
		"grant_type": {"authorization_code"}, "code": {target.Query().Get("code")},
		"redirect_uri": {RedirectURI}, "code_verifier": {verifier},
	})
	require.Equal(v.t, http.StatusOK, w.Code, w.Body)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(v.t, json.Unmarshal(w.Body.Bytes(), &token))
	return token.AccessToken
}

// sizes is the number of entries in all stores.
func (v visitor) sizes() map[string]int {
	return map[string]int{
		"logins": v.p.logins.size(), "consents": v.p.consents.size(), "codes": v.p.storage.codes.size(),
		"access": v.p.storage.accessTokens.size(), "refresh": v.p.storage.refreshTokens.size(),
	}
}

// TestStateDoesNotGrow signs in every two seconds for longer than anything lives:
// what is held then is what one lifetime holds, and it stays so.
func TestStateDoesNotGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVisitor(t)
		run := func(d time.Duration) map[string]int {
			for range int(d / (2 * time.Second)) {
				v.codeFlow()
				v.authorize("abandoned") // a visitor who goes away
				time.Sleep(2 * time.Second)
			}
			return v.sizes()
		}
		early, late := run(refreshTokenLifetime+time.Minute), run(10*time.Minute)
		require.Equal(t, early, late)
		require.Equal(t, map[string]int{
			"logins":   int(interactionLifetime / (2 * time.Second)),
			"consents": 0, "codes": 0, // all were used
			"access":  int(accessTokenLifetime / (2 * time.Second)),
			"refresh": int(refreshTokenLifetime / (2 * time.Second)),
		}, late)
		require.LessOrEqual(t, len(v.p.Stats().Requests), 12)
	})
}

// TestStateIsCapped floods the provider faster than anything expires.
func TestStateIsCapped(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	for range interactionLimit + 100 {
		v.authorize("abandoned")
	}
	require.Equal(t, interactionLimit, v.sizes()["logins"])
	for range storeLimit + 100 {
		require.Equal(t, http.StatusOK, v.password().Code)
	}
	require.Equal(t, storeLimit, v.sizes()["access"])
	require.Equal(t, storeLimit, v.sizes()["refresh"])
	for i := range 100 {
		v.do(http.MethodPost, PathToken, passwordForm("username", strconv.Itoa(i)))
		v.do(http.MethodGet, "/"+strconv.Itoa(i), nil)
	}
	stats := v.p.Stats()
	require.Equal(t, map[string]uint64{"": 100}, stats.RefusedPasswords, "names are not collected")
	require.Equal(t, uint64(100), stats.Requests["other"], "nor are paths")
	require.NotEmpty(t, v.codeFlow(), "and it still works")
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVisitor(t)
		access := v.codeFlow()
		info := func() int { return v.do(http.MethodPost, PathUserinfo, url.Values{"access_token": {access}}).Code }
		require.Equal(t, http.StatusOK, info())
		time.Sleep(accessTokenLifetime + time.Second)
		require.Equal(t, http.StatusUnauthorized, info())

		e := newExpiring[string](time.Minute, 2)
		e.put("a", "A")
		time.Sleep(time.Minute - time.Nanosecond)
		value, ok := e.get("a")
		require.True(t, ok)
		require.Equal(t, "A", value)
		time.Sleep(time.Nanosecond)
		_, ok = e.get("a")
		require.False(t, ok)
		_, ok = e.take("a")
		require.False(t, ok)
		require.Zero(t, e.size())
		e.put("b", "B")
		e.put("c", "C")
		e.put("d", "D")
		_, ok = e.get("b")
		require.False(t, ok, "the oldest gave way")
		value, ok = e.take("c")
		require.True(t, ok)
		require.Equal(t, "C", value)
		_, ok = e.take("c")
		require.False(t, ok, "taken once")
		require.Equal(t, 1, e.size())
	})
}
