package httpprobe

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"

	"github.com/idp-exporter/idp_exporter/internal/expect"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// plan is what the settings come to: everything that can be prepared ahead of
// the runs.
type plan struct {
	options *Options
	url     *url.URL
	origin  string
	allowed map[string]bool // origins that redirects may lead to
	dial    fetch.Options
	expectations
}

// variables are those of the expectations in CEL.
var variables = map[string]expect.VarType{
	"json": expect.Dyn, "status": expect.Int, "headers": expect.Object, "body": expect.String,
}

// compile checks the settings and prepares the runs. The plan is of use only if
// every problem is a mere warning.
func (o *Options) compile(p *probes.Provider) (*plan, []probes.Problem) {
	u, problems := o.address(p)
	problems = append(problems, o.checkRequest(u)...)
	pl := &plan{options: o, url: u, dial: o.dial(p)}
	if err := pl.dial.Check(); err != nil {
		problems = append(problems, problem("", "%v", err))
	}
	problems = append(problems, pl.prepare(o)...)
	if u == nil {
		return pl, problems
	}
	pl.origin = fetch.Origin(u)
	pl.allowed = map[string]bool{pl.origin: true}
	if u.Scheme == "http" && (u.Port() == "" || u.Port() == "80") {
		pl.allowed[fetch.Origin(&url.URL{Scheme: "https", Host: u.Hostname()})] = true
	}
	if p != nil {
		pl.allowed[fetch.Origin(p.IssuerURL())] = true
	}
	for _, s := range o.AllowedOrigins {
		if origin, err := parseOrigin(s); err == nil {
			pl.allowed[origin] = true
		}
	}
	return pl, problems
}

// dial returns how servers are reached: as the provider says, except where the
// probe has settings of its own.
func (o *Options) dial(p *probes.Provider) fetch.Options {
	var d fetch.Options
	if p != nil {
		d = p.Dial
	}
	if o.TLS != (fetch.TLS{}) {
		d.TLS = o.TLS
	}
	if o.Proxy != "" {
		d.Proxy, d.ProxyPassword = o.Proxy, o.ProxyPassword
	}
	return d
}

// expectations are what the answer is judged by.
type expectations struct {
	matches, notMatches []*regexp.Regexp
	headers             []headerExpectation // by name
	json                *expect.Set
}

type headerExpectation struct {
	name    string
	pattern *regexp.Regexp
}

// prepare compiles the patterns and expressions.
func (e *expectations) prepare(o *Options) []probes.Problem {
	var problems []probes.Problem
	if len(o.Status) == 0 {
		problems = append(problems, problem("status", "the list is empty, so that nothing could pass; write [2xx] for example"))
	}
	for i, s := range o.Status {
		if !s.Valid() {
			problems = append(problems, problem(fmt.Sprintf("status[%d]", i), "%q is not a status code; write one such as 204, or a class such as 2xx", string(s)))
		}
	}
	pattern := func(path, text string) *regexp.Regexp {
		re, err := regexp.Compile(text)
		if err != nil {
			problems = append(problems, problem(path, "%v; patterns are written as RE2 takes them", err))
		}
		return re
	}
	for i, text := range o.BodyMatches {
		e.matches = append(e.matches, pattern(fmt.Sprintf("body_matches[%d]", i), text))
	}
	for i, text := range o.BodyNotMatches {
		e.notMatches = append(e.notMatches, pattern(fmt.Sprintf("body_not_matches[%d]", i), text))
	}
	for _, name := range slices.Sorted(maps.Keys(o.HeaderMatches)) {
		e.headers = append(e.headers, headerExpectation{http.CanonicalHeaderKey(name), pattern("header_matches."+name, o.HeaderMatches[name])})
	}
	if o.Method == http.MethodHead && cmp.Or(len(o.BodyMatches), len(o.JSON), len(o.BodyEquals)) > 0 {
		problems = append(problems, problem("method", "the answer to HEAD has no body to expect anything of; use GET"))
	}
	if len(o.JSON) > 0 {
		set, wrong := expect.Compile(variables, o.JSON)
		for _, w := range wrong {
			problems = append(problems, problem("json."+w.Name, "%s", w))
		}
		e.json = set
	}
	return problems
}
