package rule

import (
	"regexp"

	"github.com/idp-exporter/idp_exporter/internal/expect"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

// The choices of Options.Expect.
const (
	Granted = "granted"
	Refused = "refused"
)

// Options are the settings of a rule probe: those of a login, and what is
// expected of it.
type Options struct {
	login.Options `yaml:",inline"`

	// Expectations are CEL expressions, by name, over id_token, access_token,
	// userinfo, response and durations. All must hold.
	Expectations map[string]string `yaml:"expectations"`
	// Expect is Granted or Refused.
	Expect string `yaml:"expect"`
	// Error is the OAuth error, and Description a regular expression on its
	// description, of the expected refusal.
	Error       string `yaml:"error"`
	Description string `yaml:"description"`
}

// Check reports everything that is wrong with the settings.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	found := o.Options.Check(s)
	wrong := func(path, message string) {
		found = append(found, probes.Problem{Path: path, Message: message})
	}
	set, problems := expect.Compile(variables(), o.Expectations)
	for _, p := range problems {
		wrong("expectations."+p.Name, p.String())
	}
	if o.Userinfo == login.UserinfoNever && set.Uses("userinfo") {
		wrong("userinfo", "an expectation speaks of userinfo, so never contradicts it; drop one of them")
	}
	if !o.OfUser() && set.Uses("userinfo") {
		wrong("expectations", "flow client_credentials has no user, so no userinfo to speak of")
	}
	switch o.Expect {
	case Granted:
		if len(o.Expectations) == 0 {
			wrong("expectations", "missing; say by name and expression what a token must carry, such as crm: 'id_token[\"https://acme.example/crm_id\"] == \"42\"'")
		}
		if o.Error != "" {
			wrong("error", "only expect: refused looks at it; drop it, or expect a refusal")
		}
		if o.Description != "" {
			wrong("description", "only expect: refused looks at it; drop it, or expect a refusal")
		}
	case Refused:
		if len(o.Expectations) > 0 {
			wrong("expectations", "a refused login has no tokens to speak of; drop them, or expect: granted")
		}
		if o.Error == "" && o.Description == "" {
			wrong("error", "missing; name the OAuth error or a description to match, or else a wrong password would pass for the rule")
		}
		if _, err := regexp.Compile(o.Description); err != nil {
			wrong("description", "not a regular expression (RE2): "+err.Error())
		}
	default:
		wrong("expect", "want granted or refused")
	}
	return found
}
