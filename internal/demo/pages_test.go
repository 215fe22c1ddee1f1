package demo

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// noCookies is a browser that forgets them.
func noCookies(t *testing.T) *browser {
	b := newBrowser(t)
	b.http.Jar = nil
	return b
}

func TestLoginPage(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	b := newBrowser(t)
	p := b.get(rp.authorizeURL(oauth2.GenerateVerifier()))
	require.Equal(t, http.StatusOK, p.StatusCode)
	require.Equal(t, "text/html; charset=utf-8", p.Header.Get("Content-Type"))
	require.Equal(t, "no-store", p.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", p.Header.Get("X-Content-Type-Options"))
	policy := p.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "form-action 'self' http://127.0.0.1;")
	require.Equal(t, 1, p.doc.Find("html[lang] head title").Length())
	require.Equal(t, "password", p.doc.Find("input[name=password]").AttrOr("type", ""))
	for _, id := range []string{"username", "password"} {
		require.Equal(t, 1, p.doc.Find("label[for="+id+"]").Length(), "%s has a label", id)
	}
	require.Zero(t, p.doc.Find("[role=alert]").Length())
	require.Zero(t, p.doc.Find("script, img, link").Length(), "nothing to fetch")

	again := b.submit(p, credentials(Username, "wrong"))
	require.Equal(t, http.StatusOK, again.StatusCode)
	require.Equal(t, "Wrong user name or password.", again.doc.Find("[role=alert]").Text())
	require.Equal(t, Username, again.doc.Find("#username").AttrOr("value", ""))
	require.Empty(t, again.doc.Find("#password").AttrOr("value", ""))
	nobody := b.submit(again, credentials("<script>", "wrong"))
	require.Equal(t, "<script>", nobody.doc.Find("#username").AttrOr("value", ""), "escaped")
	require.Equal(t, map[string]uint64{Username: 1, "": 1}, r.Provider.Stats().RefusedPasswords)

	consent := b.submit(nobody, credentials(Username, Password))
	require.Equal(t, http.StatusOK, consent.StatusCode)
	require.True(t, strings.HasPrefix(consent.Request.URL.Path, "/consent/"))
	require.Equal(t, "Allow|Deny", strings.Join(consent.doc.Find("button").Map(func(_ int, s *goquery.Selection) string { return s.Text() }), "|"))
	require.Equal(t, 4, consent.doc.Find("li").Length(), "one line a scope")

	gone := b.submit(again, credentials(Username, Password))
	require.Equal(t, http.StatusBadRequest, gone.StatusCode, "the login page is used up")
	neither := b.submit(consent, url.Values{"decision": {"maybe"}})
	require.Equal(t, http.StatusBadRequest, neither.StatusCode)
	require.NotEmpty(t, callback(t, b.submit(consent, url.Values{"decision": {"allow"}})).Get("code"))
	require.Equal(t, http.StatusBadRequest, b.submit(consent, url.Values{"decision": {"allow"}}).StatusCode)
}

func TestConsentDenied(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, started(t, StartOptions{}), ClientID)
	b := newBrowser(t)
	consent := b.submit(b.get(rp.authorizeURL(oauth2.GenerateVerifier())), credentials(Username, Password))
	answer := callback(t, b.submit(consent, url.Values{"decision": {"deny"}}))
	require.Equal(t, "access_denied", answer.Get("error"))
	require.Equal(t, "the user did not consent", answer.Get("error_description"))
	require.Equal(t, testState, answer.Get("state"))
	require.Equal(t, rp.Issuer, answer.Get("iss"))
	require.Empty(t, answer.Get("code"))
}

func TestPagesAreBoundToTheBrowser(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	require.Equal(t, http.StatusBadRequest, noCookies(t).get(rp.authorizeURL(oauth2.GenerateVerifier())).StatusCode)

	b := newBrowser(t)
	login := b.get(rp.authorizeURL(oauth2.GenerateVerifier()))
	require.Equal(t, http.StatusBadRequest, newBrowser(t).get(login.Request.URL.String()).StatusCode, "another browser")
	stranger, err := http.NewRequestWithContext(t.Context(), http.MethodGet, login.Request.URL.String(), nil)
	require.NoError(t, err)
	stranger.AddCookie(&http.Cookie{Name: cookieName, Value: "guessed"})
	require.Equal(t, http.StatusBadRequest, noCookies(t).do(stranger).StatusCode, "a guessed cookie")
	forged := credentials(Username, Password)
	require.Equal(t, http.StatusBadRequest, b.post(login.Request.URL.String(), forged).StatusCode, "no form token")
	forged.Set("csrf_token", "forged")
	require.Equal(t, http.StatusBadRequest, b.post(login.Request.URL.String(), forged).StatusCode, "forged form token")
	require.Empty(t, r.Provider.Stats().RefusedPasswords, "no password was looked at")

	consent := b.submit(login, credentials(Username, Password))
	require.Equal(t, http.StatusOK, consent.StatusCode)
	require.Equal(t, http.StatusBadRequest, newBrowser(t).get(consent.Request.URL.String()).StatusCode, "another browser")
	require.Equal(t, http.StatusBadRequest,
		b.post(consent.Request.URL.String(), url.Values{"decision": {"allow"}}).StatusCode, "no form token")
}

func TestCookies(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, started(t, StartOptions{}), ClientID)
	b := newBrowser(t)
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	first := b.get(rp.authorizeURL(oauth2.GenerateVerifier()))
	require.Equal(t, http.StatusFound, first.StatusCode)
	location, err := first.Location()
	require.NoError(t, err)
	require.Len(t, first.Cookies(), 1)
	c := first.Cookies()[0]
	require.Equal(t, location.Path, c.Path, "the cookie is for that page only")
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite)

	second := b.submit(b.get(location.String()), credentials(Username, Password))
	location, err = second.Location()
	require.NoError(t, err)
	require.Len(t, second.Cookies(), 2)
	require.Negative(t, second.Cookies()[0].MaxAge, "the login page's cookie goes")
	require.Equal(t, location.Path, second.Cookies()[1].Path)
	require.NotEqual(t, c.Value, second.Cookies()[1].Value)
}
