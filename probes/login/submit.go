package login

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// submission is a form about to be sent.
type submission struct {
	method string
	to     *url.URL
	fields url.Values
}

var scopeWords = regexp.MustCompile(`(?i)scope|permission|claim`)

// submit fills in a form as a browser would send it (HTML, 4.10.22): hidden
// fields stay, typed ones are as given, and of the buttons only the pressed one
// counts. Required boxes are ticked, and on a consent page those that grant scopes.
func (p *page) submit(f *form, typed map[*control]string, button *control, consent bool) (submission, error) {
	s := submission{method: f.method, fields: url.Values{}}
	action := f.action
	if button != nil && button.action != "" {
		action = button.action
	}
	if button != nil && button.method != "" {
		s.method = button.method
	}
	if s.method != http.MethodPost {
		s.method = http.MethodGet
	}
	var err error
	if s.to, err = p.target(action); err != nil {
		return s, err
	}
	if e := strings.ToLower(f.enctype); s.method == http.MethodPost && e != "" && e != "application/x-www-form-urlencoded" {
		return s, probes.Failf(probes.ReasonInteractionRequired, "%s has a form of enctype \"%s\", which this probe does not write", p.describe(), foreign(e, 80))
	}
	for _, c := range f.controls {
		value, given := typed[c]
		switch {
		case c.name == "" && c != button:
		case given:
			s.fields.Add(c.name, value)
		case c.kind == "checkbox":
			if c.checked || c.required || consent && scopeWords.MatchString(c.name+" "+c.id+" "+c.words) {
				s.fields.Add(c.name, c.value)
			}
		case c.kind == "radio":
			if c.checked {
				s.fields.Add(c.name, c.value)
			}
		case c.submits(), c.kind == "button", c.kind == "reset", c.kind == "file":
			if c == button && c.name != "" {
				s.fields.Add(c.name, c.value)
			}
		default:
			s.fields.Add(c.name, c.value)
		}
	}
	if s.method == http.MethodGet {
		u := *s.to
		u.RawQuery = s.fields.Encode()
		s.to = &u
	}
	return s, nil
}

// target resolves where a form leads. Without an action it is the page itself.
func (p *page) target(action string) (*url.URL, error) {
	if strings.TrimSpace(action) == "" {
		u := *p.at
		u.Fragment = ""
		return &u, nil
	}
	u, err := p.base.Parse(strings.TrimSpace(action))
	if err != nil {
		return nil, probes.Failf(probes.ReasonBadResponse, "%s has a form whose action is not a URL", p.describe())
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, probes.Failf(probes.ReasonInteractionRequired, "%s has a form that only a browser can send (its action is a %s: URL)", p.describe(), foreign(u.Scheme, 20))
	}
	u.Fragment = ""
	return u, nil
}

// request builds the request that sends the form from the page.
func (s submission) request(p *page) (*http.Request, error) {
	body := ""
	if s.method == http.MethodPost {
		body = s.fields.Encode()
	}
	req, err := http.NewRequest(s.method, s.to.String(), strings.NewReader(body)) //nolint:noctx // Session.Do sets the run's context
	if err != nil {
		return nil, probes.Failf(probes.ReasonBadResponse, "%s has a form that leads nowhere", p.describe())
	}
	// What browsers send, and defenses against forged requests ask for.
	referer := *p.at
	referer.User, referer.Fragment = nil, ""
	if fetch.Origin(s.to) == fetch.Origin(p.at) {
		req.Header.Set("Referer", referer.String())
	} else {
		req.Header.Set("Referer", fetch.Origin(p.at)+"/")
	}
	if s.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", fetch.Origin(p.at))
	}
	return req, nil
}
