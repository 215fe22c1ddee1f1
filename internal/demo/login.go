package demo

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const goneMessage = "This page has expired, was used already, or belongs to another browser. Start again from the application; cookies are needed."

// loginPage shows the form for user name and password.
func (p *Provider) loginPage(w http.ResponseWriter, r *http.Request) {
	i, ok := interactionOf(p.logins, r)
	if !ok {
		p.errorPage(w, http.StatusBadRequest, goneMessage)
		return
	}
	if !p.delay(r.Context()) {
		p.errorPage(w, http.StatusServiceUnavailable, "The request was given up.")
		return
	}
	p.showLogin(w, r, i, i.request.LoginHint, "")
}

// login takes that form. A wrong password shows the page again; a refusal by the
// rule goes to the client, as does everything after the password was accepted.
func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	i, ok := interactionOf(p.logins, r)
	if !ok {
		p.errorPage(w, http.StatusBadRequest, goneMessage)
		return
	}
	username := r.PostForm.Get("username")
	u, err := p.checkPassword(username, r.PostForm.Get("password"))
	if errors.Is(err, errDirectoryDown) {
		p.errorPage(w, http.StatusServiceUnavailable, "Nobody can sign in now: the user directory does not answer.")
		return
	}
	if err != nil {
		p.showLogin(w, r, i, username, "Wrong user name or password.")
		return
	}
	id := r.PathValue("id")
	if _, ok := p.logins.take(id); !ok {
		p.errorPage(w, http.StatusBadRequest, goneMessage)
		return
	}
	p.setCookie(w, r.URL.Path, "")
	l, err := p.admit(r.Context(), u)
	if err != nil {
		p.redirectError(w, r, i.request, err)
		return
	}
	next := i.next(l)
	p.consents.put(id, next)
	path := "/consent/" + id
	p.setCookie(w, path, next.cookie)
	http.Redirect(w, r, path, http.StatusSeeOther)
}

func (p *Provider) showLogin(w http.ResponseWriter, r *http.Request, i *interaction, username, alert string) {
	p.pages.show(w, http.StatusOK, "login", i.request.RedirectURI, loginView{
		Action: r.URL.Path, CSRF: i.form, Client: i.client.name, Username: username, Alert: alert,
	})
}

// checkPassword is the one place where passwords are compared, for pages and grants.
func (p *Provider) checkPassword(username, password string) (*user, error) {
	u, err := p.directory.find(username)
	if err != nil {
		p.log.Warn("the user directory does not answer")
		return nil, err
	}
	changed := username == Username && p.switches.broken(SwitchWrongPassword)
	if u != nil && equalSecret(u.password, password) && !changed {
		return u, nil
	}
	known := ""
	if u != nil {
		known = username
	}
	p.counters.add(func(s *Stats) { s.RefusedPasswords[known]++ })
	// an unknown name may be a password in the wrong field, so it is not logged
	p.log.Info("password refused", "user", known)
	return nil, errWrongPassword
}

// admit passes a user whose password is good through the rule.
func (p *Provider) admit(ctx context.Context, u *user) (*login, error) {
	claims, err := p.runRule(ctx, u)
	if err != nil {
		return nil, err
	}
	p.counters.add(func(s *Stats) { s.SignIns++ })
	p.log.Debug("signed in", "user", u.username)
	return &login{user: u, at: time.Now(), claims: claims}, nil
}

// delay waits as long as SwitchSlowLogin wants. It returns false if the client
// left meanwhile or the provider stops.
func (p *Provider) delay(ctx context.Context) bool {
	if !p.switches.broken(SwitchSlowLogin) {
		return true
	}
	t := time.NewTimer(p.slowLogin)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
