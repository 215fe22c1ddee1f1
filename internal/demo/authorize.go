package demo

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	// interactionLifetime is how long a person may look at the login or consent page.
	interactionLifetime = 10 * time.Minute
	// interactionLimit caps the interactions under way per page, and with
	// authorizeLimit (bytes of an authorization request) the memory they take.
	interactionLimit = 1024
	authorizeLimit   = 8 << 10
)

// interaction is one browser's way from the authorization request to the code.
// Each page has its own: its cookie, which binds it to the browser, and its form
// token against cross-site requests.
type interaction struct {
	client  *client
	request *oidc.AuthRequest
	cookie  string
	form    string
	login   *login // nil until the user has signed in
}

// next is the interaction of the following page, with fresh cookie and form token.
func (i *interaction) next(l *login) *interaction {
	return &interaction{client: i.client, request: i.request, cookie: rand.Text(), form: rand.Text(), login: l}
}

// authorize takes an authorization request (OpenID Connect Core section 3.1.2.1)
// and sends the browser to a login page of its own.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, authorizeLimit)
	request, err := op.ParseAuthorizeRequest(r, p.op.Decoder())
	if err != nil || len(r.URL.RawQuery) > authorizeLimit {
		p.errorPage(w, http.StatusBadRequest, "The authorization request cannot be read.")
		return
	}
	c := p.storage.clients[request.ClientID]
	if c == nil {
		p.errorPage(w, http.StatusBadRequest, "The application is not registered here.")
		return
	}
	if op.ValidateAuthReqRedirectURI(c, request.RedirectURI, oidc.ResponseTypeCode) != nil {
		p.errorPage(w, http.StatusBadRequest, "The application's redirect_uri is not registered here.")
		return
	}
	// from here on errors may be told to the client
	if err := p.checkRequest(r.Context(), c, request); err != nil {
		p.redirectError(w, r, request, err)
		return
	}
	id := rand.Text()
	i := (&interaction{client: c, request: request}).next(nil)
	p.logins.put(id, i)
	path := c.LoginURL(id)
	p.setCookie(w, path, i.cookie)
	http.Redirect(w, r, path, http.StatusFound)
}

// checkRequest refuses what the client may not ask for.
func (p *Provider) checkRequest(ctx context.Context, c *client, request *oidc.AuthRequest) error {
	asked := slices.Clone(request.Scopes)
	if err := op.ValidateAuthReqResponseType(c, request.ResponseType); err != nil {
		return err
	}
	if _, err := op.ValidateAuthRequestClient(ctx, request, c, p.op.IDTokenHintVerifier(ctx)); err != nil {
		return err
	}
	switch {
	case !c.allows(asked): // the library would drop these scopes
		return oidc.ErrInvalidScope().WithDescription("the client is not registered for a requested scope")
	case !slices.Contains(asked, oidc.ScopeOpenID):
		return oidc.ErrInvalidScope().WithDescription("scope openid is required")
	case request.CodeChallenge == "" || request.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return oidc.ErrInvalidRequest().WithDescription("PKCE with code_challenge_method S256 is required")
	case request.ResponseMode != "" && request.ResponseMode != oidc.ResponseModeQuery:
		return oidc.ErrInvalidRequest().WithDescription("only response_mode query is supported")
	case request.RequestParam != "":
		return oidc.ErrRequestNotSupported()
	case slices.Contains(request.Prompt, oidc.PromptNone):
		return oidc.ErrLoginRequired().WithDescription("no sign-in is remembered here")
	}
	return nil
}

// redirectError sends an error to the client's redirect URI (RFC 6749 section 4.1.2.1).
func (p *Provider) redirectError(w http.ResponseWriter, r *http.Request, request *oidc.AuthRequest, err error) {
	e := oidc.DefaultToServerError(err, "internal error")
	p.log.Info("authorization refused", "client", request.ClientID, "error", string(e.ErrorType), "description", e.Description)
	answer := url.Values{"error": {string(e.ErrorType)}}
	if e.Description != "" {
		answer.Set("error_description", e.Description)
	}
	p.redirectBack(w, r, request, answer)
}

// redirectBack ends an interaction at the client's redirect URI, with state and
// the issuer (RFC 9207). 303 keeps the browser from posting its form there.
func (p *Provider) redirectBack(w http.ResponseWriter, r *http.Request, request *oidc.AuthRequest, answer url.Values) {
	target, err := url.Parse(request.RedirectURI)
	if err != nil {
		p.errorPage(w, http.StatusBadRequest, "The application's redirect_uri is not registered here.")
		return
	}
	answer.Set("iss", p.issuer)
	if request.State != "" {
		answer.Set("state", request.State)
	}
	query := target.Query()
	for name := range answer {
		query.Set(name, answer.Get(name))
	}
	target.RawQuery = query.Encode()
	noStore(w)
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
}

// cookieName is the same for all pages; the path tells their cookies apart.
const cookieName = "demo_interaction"

func (p *Provider) setCookie(w http.ResponseWriter, path, value string) {
	c := &http.Cookie{
		Name: cookieName, Value: value, Path: path, MaxAge: int(interactionLifetime / time.Second),
		HttpOnly: true, Secure: strings.HasPrefix(p.issuer, "https:"), SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	noStore(w)
	http.SetCookie(w, c)
}

// interactionOf finds the interaction of a page's request, if it comes from the
// browser that began it and, when it posts, from that page's form.
func interactionOf(from *expiring[*interaction], r *http.Request) (*interaction, bool) {
	i, ok := from.get(r.PathValue("id"))
	if !ok {
		return nil, false
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil || !equalSecret(cookie.Value, i.cookie) {
		return nil, false
	}
	if r.Method == http.MethodPost && (r.ParseForm() != nil || !equalSecret(r.PostForm.Get("csrf_token"), i.form)) {
		return nil, false
	}
	return i, true
}

func noStore(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }
