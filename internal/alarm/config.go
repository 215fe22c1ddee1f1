package alarm

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// What consoles are told of transitions that follow each other while they
// cannot be reached.
const (
	// Latest tells how the alarm stands once the console can be reached again.
	Latest = "latest"
	// All tells every transition, in order.
	All = "all"
)

// Config is the alarms section of the configuration file.
type Config struct {
	// StaleAfter is how long an alert may go without Alertmanager repeating it
	// before it turns indeterminate; after twice as long it is cleared. It is to
	// be more than Alertmanager's repeat_interval.
	StaleAfter time.Duration `yaml:"stale_after"`
	// ReplicaLabels are left out of an alert's identity: labels by which several
	// Prometheus servers that watch the same differ.
	ReplicaLabels []string `yaml:"replica_labels"`
	// SeverityLabel names the label of an alert that holds its severity.
	SeverityLabel string `yaml:"severity_label"`
	// Severities maps values of that label to severities, besides and before the
	// usual words; see Severities.
	Severities map[string]string `yaml:"severities"`
	// UnknownSeverity is given to alerts whose severity is missing or no known word.
	UnknownSeverity probes.Severity `yaml:"unknown_severity"`
	// RunbookURL is a Go template of the link that an alarm gets which brings
	// none. It knows .Name, .Probe, .Node, .Reason, .Severity and .Page, each
	// escaped for use in a path. An alarm without a page gets no link from a
	// template that has .Page.
	RunbookURL string `yaml:"runbook_url"`
	// MaxAlarms is how many alarms there may be at once; further ones are
	// refused, counted, and taken up once there is room.
	MaxAlarms int `yaml:"max_alarms"`
	// MaxTransitions bounds what waits for a console that is told all transitions.
	MaxTransitions int `yaml:"max_transitions"`
	// WebhookMaxBytes bounds the body of one webhook.
	WebhookMaxBytes int `yaml:"webhook_max_bytes"`
	// Heartbeat, Resend, ClearResendFor and Transitions are the defaults for
	// bridges; see Common.
	Heartbeat      time.Duration `yaml:"heartbeat"`
	Resend         time.Duration `yaml:"resend"`
	ClearResendFor time.Duration `yaml:"clear_resend_for"`
	Transitions    string        `yaml:"transitions"`
}

// Common are the keys that every bridge of the configuration has, whatever its
// kind. Begin with Config.NewCommon.
type Common struct {
	Name string `yaml:"name"`
	Kind string `yaml:"kind"`
	// MinSeverity keeps what is less severe from the bridge; empty is everything.
	MinSeverity probes.Severity `yaml:"min_severity"`
	// Matchers are those of Alertmanager, such as `probe=~"login.*"`; an alarm has
	// to match all of them. They see an alert's labels, and of every alarm alarm,
	// severity, target, probe, node and reason.
	Matchers []string `yaml:"matchers"`
	// Heartbeat is the interval of heartbeats; 0 is none.
	Heartbeat time.Duration `yaml:"heartbeat"`
	// Resend is how often a destination without acknowledgement is told again
	// what stands; 0 is never. ClearResendFor is for how long clears are.
	Resend         time.Duration `yaml:"resend"`
	ClearResendFor time.Duration `yaml:"clear_resend_for"`
	// Transitions is Latest or All.
	Transitions string `yaml:"transitions"`
}

// Runbooks is the default of Config.RunbookURL: the project's own pages.
const Runbooks = "https://github.com/idp-exporter/idp_exporter/blob/main/docs/runbooks/{{ .Page }}.md"

// NewConfig returns the defaults.
func NewConfig() Config {
	return Config{
		StaleAfter: 5 * time.Hour, ReplicaLabels: []string{"prometheus_replica", "__replica__"}, SeverityLabel: "severity",
		UnknownSeverity: probes.Indeterminate, MaxAlarms: 20_000, MaxTransitions: 10_000, WebhookMaxBytes: 4 << 20,
		RunbookURL: Runbooks, Heartbeat: 5 * time.Minute, Resend: 15 * time.Minute, ClearResendFor: 4 * time.Hour, Transitions: Latest,
	}
}

// NewCommon returns the defaults of a bridge under this configuration.
func (c Config) NewCommon() Common {
	return Common{Heartbeat: c.Heartbeat, Resend: c.Resend, ClearResendFor: c.ClearResendFor, Transitions: c.Transitions}
}

// The limits of the configuration.
const (
	minInterval    = time.Second
	maxAlarms      = 200_000
	maxWebhook     = 16 << 20
	maxTransitions = 1_000_000
	maxBridgeName  = 64
)

type problems []probes.Problem

func (p *problems) add(path string, warning bool, format string, args ...any) {
	*p = append(*p, probes.Problem{Path: path, Warning: warning, Message: fmt.Sprintf(format, args...)})
}

// Check reports everything that is wrong with the section. Paths start below
// "alarms".
func (c Config) Check() []probes.Problem {
	var p problems
	if c.StaleAfter < time.Minute {
		p.add("stale_after", false, "%v is too short; give more than Alertmanager's repeat_interval, which is 4h unless it was set", c.StaleAfter)
	}
	if c.SeverityLabel == "" {
		p.add("severity_label", false, "is empty; name the label that holds an alert's severity")
	}
	if slices.Contains(c.ReplicaLabels, "alertname") {
		p.add("replica_labels", false, "alertname tells alerts apart and cannot be left out of their identity")
	}
	for word, s := range c.Severities {
		if !known(probes.Severity(s)) {
			p.add("severities."+word, false, "%q is no severity; use one of %v", s, probes.Severities())
		}
	}
	if !known(c.UnknownSeverity) {
		p.add("unknown_severity", false, "%q is no severity; use one of %v", c.UnknownSeverity, probes.Severities())
	}
	if _, err := newRunbook(c.RunbookURL); err != nil {
		p.add("runbook_url", false, "%v", err)
	}
	p.within("max_alarms", c.MaxAlarms, 1, maxAlarms)
	p.within("max_transitions", c.MaxTransitions, 1, maxTransitions)
	p.within("webhook_max_bytes", c.WebhookMaxBytes, 1<<10, maxWebhook)
	p.intervals(c.Heartbeat, c.Resend, c.ClearResendFor, c.Transitions)
	return p
}

// Check reports everything that is wrong with the keys. Paths start below the
// bridge.
func (c Common) Check() []probes.Problem {
	var p problems
	switch {
	case c.Name == "":
		p.add("name", false, "missing; metrics and logs call the bridge by it")
	case len(c.Name) > maxBridgeName || bridges.Line(c.Name, maxBridgeName) != c.Name:
		p.add("name", false, "is to be one line of at most %d bytes", maxBridgeName)
	}
	if c.MinSeverity != "" && !known(c.MinSeverity) {
		p.add("min_severity", false, "%q is no severity; use one of %v", c.MinSeverity, probes.Severities())
	}
	for i, m := range c.Matchers {
		if _, err := labels.ParseMatcher(m); err != nil {
			p.add("matchers["+strconv.Itoa(i)+"]", false, "%v; write it as in Alertmanager, such as probe=~\"login.*\"", err)
		}
	}
	p.intervals(c.Heartbeat, c.Resend, c.ClearResendFor, c.Transitions)
	return p
}

func (p *problems) within(path string, n, least, most int) {
	if n < least || n > most {
		p.add(path, false, "%d is out of range; give %d to %d", n, least, most)
	}
}

func (p *problems) intervals(heartbeat, resend, clearFor time.Duration, transitions string) {
	if heartbeat != 0 && heartbeat < minInterval {
		p.add("heartbeat", false, "%v is too often; give at least %v, or 0 for none", heartbeat, minInterval)
	}
	if resend != 0 && resend < minInterval {
		p.add("resend", false, "%v is too often; give at least %v, or 0 for never", resend, minInterval)
	}
	if resend != 0 && clearFor < resend {
		p.add("clear_resend_for", true, "%v is less than resend, so no clear is sent again: one that gets lost leaves the alarm standing", clearFor)
	}
	if transitions != Latest && transitions != All {
		p.add("transitions", false, "%q is neither %q nor %q", transitions, Latest, All)
	}
}

// runbook makes the links of alarms that bring none.
type runbook struct {
	*template.Template
	// paged tells that the template is of no use to what has no page.
	paged bool
}

type runbookFields struct{ Name, Probe, Node, Reason, Severity, Page string }

func newRunbook(text string) (runbook, error) {
	if text == "" {
		return runbook{}, nil
	}
	t, err := template.New("runbook_url").Option("missingkey=error").Parse(text)
	if err != nil {
		return runbook{}, fmt.Errorf("is no template: %w", err)
	}
	r := runbook{t, strings.Contains(text, ".Page")}
	link, err := r.execute(bridges.Alarm{Name: "login", Probe: "login", Severity: probes.Critical}, "IdPSignInDown")
	if err != nil {
		return runbook{}, fmt.Errorf("the template fails: %w", err)
	}
	if webLink(link) == "" {
		return runbook{}, fmt.Errorf("it makes %q, which is no http or https URL", link)
	}
	return r, nil
}

func (r runbook) execute(a bridges.Alarm, page string) (string, error) {
	var b strings.Builder
	err := r.Execute(&b, runbookFields{
		url.PathEscape(a.Name), url.PathEscape(a.Probe), url.PathEscape(a.Node), url.PathEscape(a.Reason), string(a.Severity), url.PathEscape(page),
	})
	return b.String(), err
}

// link returns the link for an alarm, empty if there is none.
func (r runbook) link(a bridges.Alarm, page string) string {
	if r.Template == nil || r.paged && page == "" {
		return ""
	}
	link, err := r.execute(a, page)
	if err != nil {
		return ""
	}
	return webLink(link)
}

const maxLink = 2048

// webLink returns an absolute http or https URL, or nothing: consoles make
// links that people click on.
func webLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxLink || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return ""
	}
	return u.String()
}
