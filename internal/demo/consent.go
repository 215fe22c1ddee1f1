package demo

import (
	"crypto/rand"
	"net/http"
	"net/url"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// consentPage asks the signed-in user whether the client may have what it asked for.
func (p *Provider) consentPage(w http.ResponseWriter, r *http.Request) {
	i, ok := interactionOf(p.consents, r)
	if !ok {
		p.errorPage(w, http.StatusBadRequest, goneMessage)
		return
	}
	p.pages.show(w, http.StatusOK, "consent", i.request.RedirectURI, consentView{
		Action: r.URL.Path, CSRF: i.form, Client: i.client.name,
		Name: i.login.user.name, Scopes: scopeTexts(i.request.Scopes),
	})
}

// consent takes the answer and ends the interaction, with a code or with access_denied.
func (p *Provider) consent(w http.ResponseWriter, r *http.Request) {
	i, ok := interactionOf(p.consents, r)
	if !ok {
		p.errorPage(w, http.StatusBadRequest, goneMessage)
		return
	}
	decision := r.PostForm.Get("decision")
	if decision != "allow" && decision != "deny" {
		p.errorPage(w, http.StatusBadRequest, "The answer is neither allow nor deny.")
		return
	}
	if _, ok := p.consents.take(r.PathValue("id")); !ok {
		p.errorPage(w, http.StatusBadRequest, goneMessage)
		return
	}
	p.setCookie(w, r.URL.Path, "")
	if decision == "deny" {
		p.redirectError(w, r, i.request, oidc.ErrAccessDenied().WithDescription("the user did not consent"))
		return
	}
	code := rand.Text()
	p.storage.codes.put(code, &signInGrant{
		userGrant:   userGrant{clientID: i.client.id, audience: []string{Audience}, scopes: i.request.Scopes, login: i.login},
		redirectURI: i.request.RedirectURI,
		nonce:       i.request.Nonce,
		challenge:   &oidc.CodeChallenge{Challenge: i.request.CodeChallenge, Method: i.request.CodeChallengeMethod},
	})
	p.redirectBack(w, r, i.request, url.Values{"code": {code}})
}

// scopeTexts says in words what scopes grant.
func scopeTexts(scopes []string) []string {
	texts := make([]string, 0, len(scopes))
	for _, s := range scopes {
		switch s {
		case oidc.ScopeOpenID:
			texts = append(texts, "know who you are")
		case oidc.ScopeProfile:
			texts = append(texts, "see your name")
		case oidc.ScopeEmail:
			texts = append(texts, "see your e-mail address")
		case oidc.ScopeOfflineAccess:
			texts = append(texts, "stay signed in while you are away")
		default:
			texts = append(texts, s)
		}
	}
	return texts
}
