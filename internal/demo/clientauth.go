package demo

import (
	"net/http"
	"net/url"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// tokenClient authenticates the client of a token request, by the one method it
// is registered for (RFC 6749 section 2.3). It leaves r.Form with the body's
// parameters only: none may come in the URI (section 2.3.1) or twice (3.2).
func (p *Provider) tokenClient(r *http.Request) (*client, error) {
	if err := r.ParseForm(); err != nil {
		return nil, oidc.ErrInvalidRequest().WithDescription("the body is no readable form").WithParent(err)
	}
	r.Form = r.PostForm
	for _, values := range r.PostForm {
		if len(values) > 1 {
			return nil, oidc.ErrInvalidRequest().WithDescription("a parameter is repeated")
		}
	}
	id, secret, method, err := clientCredentialsOf(r)
	if err != nil {
		return nil, err
	}
	c := p.storage.clients[id]
	if c == nil {
		return nil, oidc.ErrInvalidClient().WithDescription("the client is unknown or did not authenticate")
	}
	if method != c.method {
		return nil, oidc.ErrInvalidClient().WithDescription("the client must authenticate by %s", c.method)
	}
	if method != oidc.AuthMethodNone && !equalSecret(c.secret, secret) {
		return nil, oidc.ErrInvalidClient().WithDescription("the client secret is wrong")
	}
	return c, nil
}

// clientCredentialsOf reads how a request authenticates, and refuses two ways at once.
func clientCredentialsOf(r *http.Request) (id, secret string, method oidc.AuthMethod, err error) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		method = oidc.AuthMethodNone
		if r.PostForm.Has("client_secret") {
			method = oidc.AuthMethodPost
		}
		return r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), method, nil
	}
	if r.PostForm.Has("client_secret") {
		return "", "", "", oidc.ErrInvalidRequest().WithDescription("the client authenticates by more than one method")
	}
	// section 2.3.1: id and secret are form-encoded before they are joined
	if id, err = url.QueryUnescape(id); err == nil {
		secret, err = url.QueryUnescape(secret)
	}
	if err != nil {
		return "", "", "", oidc.ErrInvalidClient().WithDescription("the Basic credentials are not form-encoded")
	}
	if r.PostForm.Has("client_id") && r.PostForm.Get("client_id") != id {
		return "", "", "", oidc.ErrInvalidRequest().WithDescription("client_id differs from the Basic user name")
	}
	return id, secret, oidc.AuthMethodBasic, nil
}
