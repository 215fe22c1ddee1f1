package login

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// browser walks through a provider's pages, from the authorization endpoint to
// the callback.
type browser struct {
	*Attempt
	redirect *url.URL // where the way ends

	step      string // the step that the next request belongs to
	redirects int    // in a row
	pages     int
	named     bool // the user's name was sent
	sent      bool // the password was sent
}

// walk makes one request after the other until one would go to the redirect URI,
// and returns the parameters it would have carried.
func (b *browser) walk(ctx context.Context, start *url.URL) (url.Values, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, start.String(), nil)
	if err != nil {
		return nil, probes.Failf(probes.ReasonDiscoveryInvalid, "authorization_endpoint is not a URL")
	}
	b.step = StepAuthorize
	what := "the authorization endpoint"
	for {
		req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
		req.Header.Set("Accept-Language", "en")
		var next *hop
		step, begin := b.step, time.Now()
		resp, err := b.do(ctx, req, what)
		if err == nil {
			next, err = b.follow(req, resp)
		}
		if err == nil && next == nil {
			// The answer is a page. That it was shown ends the authorize step.
			if step == StepAuthorize {
				b.Run.AddStep(step, begin, time.Since(begin), nil)
				step, begin = StepLoginPage, time.Now()
				b.step = step
			}
			next, err = b.react(ctx, resp)
		}
		b.Run.AddStep(step, begin, time.Since(begin), err)
		if err != nil {
			return nil, err
		}
		if next.callback != nil {
			return next.callback, nil
		}
		req, what = next.request, next.what
	}
}

// hop is where the way goes on: a request, or the callback's parameters.
type hop struct {
	request  *http.Request
	what     string
	callback url.Values
}

// follow follows a redirect. It returns nil for an answer that is none.
func (b *browser) follow(req *http.Request, resp *fetch.Response) (*hop, error) {
	if resp.StatusCode/100 != 3 || resp.StatusCode == http.StatusNotModified {
		b.redirects = 0
		return nil, nil
	}
	to, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return nil, probes.Failf(probes.ReasonBadResponse, "a redirect (%d) without a usable Location", resp.StatusCode)
	}
	if b.step == StepAuthorize {
		b.step = StepLoginPage
	}
	keep := resp.StatusCode == http.StatusTemporaryRedirect || resp.StatusCode == http.StatusPermanentRedirect
	if b.ends(to) {
		return &hop{callback: to.Query()}, nil
	}
	if b.redirects++; b.redirects > b.login.options.MaxRedirects {
		return nil, probes.Failf(probes.ReasonTooManyRedirects, "more than %d redirects in a row; the last one leads to %s", b.login.options.MaxRedirects, fetch.Origin(to)+to.Path)
	}
	const what = "a redirect"
	if err := b.guard(to, what); err != nil {
		return nil, err
	}
	method := http.MethodGet
	if keep {
		method = req.Method
	}
	to.Fragment = ""
	next, err := http.NewRequest(method, to.String(), nil) //nolint:noctx // Session.Do sets the run's context
	if err != nil {
		return nil, probes.Failf(probes.ReasonBadResponse, "a redirect leads to no URL")
	}
	if keep && req.GetBody != nil {
		if next.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
		next.GetBody, next.ContentLength = req.GetBody, req.ContentLength
		next.Header.Set("Content-Type", req.Header.Get("Content-Type"))
	}
	return &hop{request: next, what: what}, nil
}

// ends tells whether a URL is the redirect URI.
func (b *browser) ends(u *url.URL) bool {
	r := b.redirect
	if !strings.EqualFold(u.Scheme, r.Scheme) || !strings.EqualFold(u.Host, r.Host) || u.Opaque != r.Opaque ||
		strings.TrimSuffix(u.Path, "/") != strings.TrimSuffix(r.Path, "/") {
		return false
	}
	has := u.Query()
	for k, values := range r.Query() {
		if len(has[k]) == 0 || has[k][0] != values[0] {
			return false
		}
	}
	return true
}

// react does what a page asks for.
func (b *browser) react(ctx context.Context, resp *fetch.Response) (*hop, error) {
	if b.pages++; b.pages > b.login.options.MaxPages {
		return nil, probes.Failf(probes.ReasonInteractionRequired, "more than %d pages, and no end", b.login.options.MaxPages)
	}
	if err := b.unusable(resp); err != nil {
		return nil, err
	}
	p, err := parsePage(resp.Content, resp.Request.URL)
	if err != nil {
		return nil, err
	}
	r := p.read(b.login.options.Form, b.sent)
	if resp.StatusCode/100 == 4 && (r.view == viewAuto || r.view == viewConsent || r.view == viewRefresh || r.view == viewScript || r.view == viewUndecided || r.view == viewUnknown) {
		b.refused(p)
		return nil, probes.Failf(probes.ReasonHTTPStatus, "%d: %s", resp.StatusCode, p.describe())
	}
	switch r.view {
	case viewLogin, viewIdentifier:
		return b.fill(ctx, p, r)
	case viewAuto:
		return b.press(p, r, "an automatic form")
	case viewConsent:
		b.leave() // the password was accepted
		b.step = StepConsent
		return b.press(p, r, "the consent form")
	case viewRefresh:
		if b.ends(r.refresh) {
			return &hop{callback: r.refresh.Query()}, nil
		}
		req, err := http.NewRequest(http.MethodGet, r.refresh.String(), nil) //nolint:noctx // Session.Do sets the run's context
		if err != nil {
			return nil, probes.Failf(probes.ReasonBadResponse, "a redirect in a page leads to no URL")
		}
		return &hop{request: req, what: "a redirect in a page"}, b.guard(r.refresh, "a redirect in a page")
	}
	return nil, b.stuck(p, r.view)
}

// unusable refuses answers that are no pages.
func (b *browser) unusable(resp *fetch.Response) error {
	if resp.StatusCode >= 500 || resp.StatusCode < 200 {
		return probes.Failf(probes.ReasonHTTPStatus, "a page answered %d", resp.StatusCode)
	}
	kind := strings.ToLower(resp.Header.Get("Content-Type"))
	if strings.Contains(kind, "json") {
		if r, ok := parseRefusal(resp); ok {
			return b.failure(r, b.sent, resp.Header)
		}
		if resp.StatusCode != http.StatusOK {
			return probes.Failf(probes.ReasonHTTPStatus, "a page answered %d", resp.StatusCode)
		}
	}
	if kind != "" && !strings.Contains(kind, "html") {
		return probes.Failf(probes.ReasonBadResponse, "an answer of type \"%s\" where a page was expected", foreign(kind, 80))
	}
	return nil
}

// fill types the credentials into a login form and sends it.
func (b *browser) fill(ctx context.Context, p *page, r reading) (*hop, error) {
	if b.sent || r.view == viewIdentifier && b.named {
		b.refused(p)
		reason := probes.ReasonCredentialsRefused
		if mfaWords.MatchString(p.complaint()) {
			reason = probes.ReasonMFARequired
		}
		return nil, probes.Failf(reason, "the login form came back: %s", p.describe())
	}
	typed := map[*control]string{}
	if r.user != nil {
		typed[r.user], b.named = b.login.options.Username, true
	}
	if r.view == viewLogin {
		typed[r.password] = b.password
	}
	s, err := p.submit(r.form, typed, r.button, false)
	if err != nil {
		return nil, err
	}
	const what = "the login form"
	if err := b.guard(s.to, what); err != nil {
		return nil, err
	}
	if r.view == viewLogin && s.method == http.MethodGet {
		return nil, probes.Failf(probes.ReasonOriginRefused, "%s would put the password into a URL (its method is get); nothing was sent", what)
	}
	b.step = StepLoginPage
	if r.view == viewLogin {
		if err := b.enter(ctx); err != nil {
			return nil, err
		}
		b.step, b.sent = StepCredentials, true
	}
	req, err := s.request(p)
	return &hop{request: req, what: what}, err
}

// press sends a form without typing anything.
func (b *browser) press(p *page, r reading, what string) (*hop, error) {
	s, err := p.submit(r.form, nil, r.button, r.view == viewConsent)
	if err != nil {
		return nil, err
	}
	if b.ends(s.to) { // response_mode form_post, or a GET form
		return &hop{callback: s.fields}, nil
	}
	if err := b.guard(s.to, what); err != nil {
		return nil, err
	}
	req, err := s.request(p)
	return &hop{request: req, what: what}, err
}

// refused keeps the words of the page as what the provider said.
func (b *browser) refused(p *page) {
	said := p.alerts(maxBody)
	if said == "" {
		said = p.title()
	}
	b.Refusal = &Refusal{Description: said}
}

// stuck says why a page is the end of the way.
func (b *browser) stuck(p *page, v view) error {
	b.refused(p)
	switch v {
	case viewOTP:
		return probes.Failf(probes.ReasonMFARequired, "%s asks for a second factor; use an account without one", p.describe())
	case viewLocked:
		return probes.Failf(probes.ReasonLockedOut, "%s", p.describe())
	case viewCaptcha:
		return probes.Failf(probes.ReasonInteractionRequired, "%s asks for a captcha; nothing was sent. Exempt the probe's address or account from it", p.describe())
	case viewNewPassword:
		return probes.Failf(b.missing(), "%s asks for a new password", p.describe())
	case viewUndecided:
		return probes.Failf(probes.ReasonConsentRefused, "%s has no button that is known to agree; name it in form.consent_button", p.describe())
	case viewScript:
		return probes.Failf(probes.ReasonInteractionRequired, "%s is drawn by JavaScript, which this probe does not run; use flow password, or a login page in plain HTML", p.describe())
	default:
		return probes.Failf(b.missing(), "%s has no form that is known", p.describe())
	}
}

func (b *browser) missing() probes.Reason {
	if b.sent {
		return probes.ReasonInteractionRequired
	}
	return probes.ReasonLoginFormMissing
}
