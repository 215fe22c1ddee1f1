package login

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// view is what a page asks for.
type view int

const (
	viewUnknown     view = iota
	viewLogin            // a password, and perhaps the user's name
	viewIdentifier       // the user's name only
	viewAuto             // a form that a browser's JavaScript submits at once
	viewRefresh          // a redirect in HTML
	viewConsent          // a button that agrees
	viewUndecided        // buttons, none of which is known to agree
	viewOTP              // a second factor
	viewNewPassword      // a new password
	viewCaptcha          // a proof of being human
	viewLocked           // the account or address is blocked
	viewScript           // drawn by JavaScript
)

// reading is a page understood.
type reading struct {
	view           view
	form           *form
	user, password *control
	button         *control
	refresh        *url.URL
}

var (
	userWords    = regexp.MustCompile(`(?i)user|login|email|e-mail|mail|identifier|account|uid|upn|handle`)
	otpWords     = regexp.MustCompile(`(?i)^(.*otp.*|code|.*one[-_ ]?time.*|.*mfa.*|.*2fa.*|.*verification[-_ ]?code.*|passcode|.*auth(entication)?[-_ ]?code.*|token[-_ ]?code)$`)
	factorWords  = regexp.MustCompile(`(?i)webauthn|passkey|mfa|\botp|totp|2fa|two-?factor|second-?factor`)
	captchaWords = regexp.MustCompile(`(?i)captcha|cf-turnstile`)
	refreshWords = regexp.MustCompile(`(?i)^\s*(\d+)\s*[;,]\s*url\s*=\s*['"]?([^'"]+)`)
)

// read understands a page. After the password was sent, a page may ask for
// consent, and its words may tell of a lock.
func (p *page) read(o Form, sent bool) reading {
	if r, ok := p.auto(); ok {
		return r
	}
	if sent && lockedWords.MatchString(p.complaint()) || len(p.forms) == 0 && lockedWords.MatchString(p.words()) {
		return reading{view: viewLocked}
	}
	for _, find := range []func(Form) (reading, bool){p.login, p.otp, p.identifier} {
		if r, ok := find(o); ok {
			return r
		}
	}
	if sent || o.ConsentButton != "" {
		if r, ok := p.consent(o); ok {
			return r
		}
	}
	if r, ok := p.refresh(); ok {
		return r
	}
	switch {
	case sent && (factorWords.MatchString(p.at.Path) || slices.ContainsFunc(p.forms, func(f *form) bool { return factorWords.MatchString(f.words) })):
		return reading{view: viewOTP}
	case sent && p.asksButtons():
		return reading{view: viewUndecided}
	case p.doc.Find("script").Length() > 0 && !slices.ContainsFunc(p.forms, func(f *form) bool { return f.has((*control).textual) }):
		return reading{view: viewScript}
	}
	return reading{}
}

// auto finds a form that JavaScript would submit: hidden fields only, and a
// script that says so. A visible button leaves it to the person, unless the page
// submits as soon as it is loaded.
func (p *page) auto() (reading, bool) {
	atOnce := strings.Contains(strings.ToLower(p.doc.Find("body").AttrOr("onload", "")), "submit")
	if !atOnce && !strings.Contains(p.doc.Find("script").Text(), ".submit(") {
		return reading{}, false
	}
	if slices.ContainsFunc(p.forms, func(f *form) bool { return !f.untyped() }) {
		return reading{}, false
	}
	for _, f := range p.forms {
		hidden := f.has(func(c *control) bool { return c.kind == "hidden" })
		visible := f.has(func(c *control) bool { return c.kind != "hidden" && (!atOnce || !c.submits()) })
		if hidden && !visible {
			return reading{view: viewAuto, form: f}, true
		}
	}
	return reading{}, false
}

// login finds the form that takes the password. Two password fields in one form
// ask for a new one.
func (p *page) login(o Form) (reading, bool) {
	renews := false
	for _, f := range p.forms {
		passwords := f.all(func(c *control) bool {
			return c.named(o.PasswordField) || o.PasswordField == "" && c.kind == "password"
		})
		if len(passwords) > 1 || len(passwords) == 1 && strings.Contains(passwords[0].words, "new-password") {
			renews = true
			continue
		}
		if len(passwords) == 0 || passwords[0].asksCode() && f.userField(o) == nil {
			continue
		}
		r := reading{view: viewLogin, form: f, password: passwords[0], user: f.userField(o), button: f.defaultButton()}
		if p.captcha(f) {
			r.view = viewCaptcha
		}
		return r, true
	}
	return reading{view: viewNewPassword}, renews
}

// userField finds the field for the user's name: the one that says so, or else
// the only one that people type into.
func (f *form) userField(o Form) *control {
	fields := f.all(func(c *control) bool { return c.textual() && !c.asksCode() })
	for _, fits := range []func(*control) bool{
		func(c *control) bool { return c.named(o.UsernameField) },
		func(c *control) bool {
			return strings.Contains(c.words, "username") || slices.Contains(strings.Fields(c.words), "email")
		},
		func(c *control) bool { return userWords.MatchString(c.name) || userWords.MatchString(c.id) },
	} {
		if i := slices.IndexFunc(fields, fits); i >= 0 {
			return fields[i]
		}
	}
	if len(fields) == 1 && f.has(func(c *control) bool { return c.kind == "password" }) {
		return fields[0]
	}
	return nil
}

func (p *page) identifier(o Form) (reading, bool) {
	for _, f := range p.forms {
		if f.has(func(c *control) bool { return c.kind == "password" }) {
			continue
		}
		if user := f.userField(o); user != nil {
			r := reading{view: viewIdentifier, form: f, user: user, button: f.defaultButton()}
			if p.captcha(f) {
				r.view = viewCaptcha
			}
			return r, true
		}
	}
	return reading{}, false
}

func (c *control) asksCode() bool {
	return strings.Contains(c.words, "one-time-code") || (c.textual() || c.kind == "password") && (otpWords.MatchString(c.name) || otpWords.MatchString(c.id))
}

func (f *form) asksCode() bool { return f.has((*control).asksCode) }

func (p *page) otp(Form) (reading, bool) {
	for _, f := range p.forms {
		if f.asksCode() {
			return reading{view: viewOTP, form: f}, true
		}
	}
	return reading{}, false
}

// captcha tells whether a form waits for a proof of being human.
func (p *page) captcha(f *form) bool {
	if f.has(func(c *control) bool {
		return c.textual() && captchaWords.MatchString(c.name+" "+c.id) || c.required && captchaWords.MatchString(c.name)
	}) {
		return true
	}
	return p.doc.Find(`form .g-recaptcha:not([data-size=invisible]), form .h-captcha, form .cf-turnstile, form [data-captcha-sitekey], form iframe[src*=captcha]`).Length() > 0
}

func (p *page) refresh() (reading, bool) {
	const longest = 10 // seconds
	content := ""
	for _, n := range p.doc.Find("meta[http-equiv][content]").EachIter() {
		if strings.EqualFold(n.AttrOr("http-equiv", ""), "refresh") {
			content = n.AttrOr("content", "")
			break
		}
	}
	found := refreshWords.FindStringSubmatch(content)
	if found == nil {
		return reading{}, false
	}
	u, err := p.base.Parse(strings.TrimSpace(found[2]))
	wait, _ := strconv.Atoi(found[1])
	if err != nil || wait > longest {
		return reading{}, false
	}
	return reading{view: viewRefresh, refresh: u}, true
}

// acceptWords and denyWords are what buttons of consent pages say, in lower case.
// A button with a denying word never agrees ("don't allow", "disallow").
var (
	acceptWords = regexp.MustCompile(`^(allow|accept|yes|approve|authori[sz]e|continue|consent|grant|confirm|agree|ok|proceed)$`)
	denyWords   = regexp.MustCompile(`^(deny|cancel|no|not|don|dont|reject(ed)?|logout|out|signout|decline|refuse|disallow|disagree|back|abort|switch|different|another|change|register|signup|forgot|reset)$`)
	loginWords  = regexp.MustCompile(`^(login|signin|in|continue|next|submit|anmelden)$`)
)

// tokens splits what names a button into words, also at changes of case.
func (c *control) tokens(parts ...string) []string {
	var words []string
	for _, p := range parts {
		start := true
		var word strings.Builder
		for _, r := range p {
			lower := unicode.IsLower(r)
			if !unicode.IsLetter(r) || unicode.IsUpper(r) && !start {
				if word.Len() > 0 {
					words = append(words, strings.ToLower(word.String()))
					word.Reset()
				}
			}
			if unicode.IsLetter(r) {
				word.WriteRune(r)
			}
			start = !lower
		}
		if word.Len() > 0 {
			words = append(words, strings.ToLower(word.String()))
		}
	}
	return words
}

func (c *control) says(words *regexp.Regexp) bool {
	return slices.ContainsFunc(c.tokens(c.name, c.value, c.id, c.text), words.MatchString)
}

// defaultButton is the button a login form is sent with: the first that says so,
// or else the first that does not say otherwise.
func (f *form) defaultButton() *control {
	buttons := f.all(func(c *control) bool { return c.submits() && !c.says(denyWords) })
	if len(buttons) == 0 {
		return nil
	}
	if i := slices.IndexFunc(buttons, func(c *control) bool { return c.says(loginWords) }); i >= 0 {
		return buttons[i]
	}
	return buttons[0]
}

// consent finds the button that agrees, in forms that ask for nothing to be typed.
func (p *page) consent(o Form) (reading, bool) {
	var found *reading
	for _, f := range p.forms {
		for _, c := range f.all((*control).submits) {
			if c.named(o.ConsentButton) {
				return reading{view: viewConsent, form: f, button: c}, true
			}
			if o.ConsentButton == "" && found == nil && f.untyped() && c.says(acceptWords) && !c.says(denyWords) {
				found = &reading{view: viewConsent, form: f, button: c}
			}
		}
	}
	if found == nil {
		return reading{}, false
	}
	return *found, true
}

func (f *form) untyped() bool {
	return !f.has(func(c *control) bool { return c.textual() || c.kind == "password" || c.kind == "file" })
}

// asksButtons tells whether the page waits for the press of a button.
func (p *page) asksButtons() bool {
	return slices.ContainsFunc(p.forms, func(f *form) bool { return f.untyped() && f.has((*control).submits) })
}
