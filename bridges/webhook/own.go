package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The bounds of own templates. Output is bounded while it is made, and so is
// what functions make; time by what a template may not do: it cannot call
// another, and loops only over labels and values, not within another loop.
const (
	maxTemplate = 64 << 10
	maxPrinted  = 256 << 10 // by one function, in bytes
	maxSpent    = 8 << 20   // by all functions of one execution
)

// view is what an own template sees.
type view struct {
	// Kind is raise, clear or heartbeat.
	Kind, ID, Name, Target, Text, Probe, Node, Reason, Runbook string
	// Severity is that of X.733, Word the one that `severities` puts in its
	// place.
	Severity, Word string
	// Console has the severity in the words of known consoles.
	Console         bridges.Console
	Raised, Changed time.Time
	Time            time.Time
	Labels, Values  map[string]string
	Sequence        uint64
	Test            bool
	// Exporter, Site and Bridge name the exporter, its URL and this bridge.
	Exporter, Site, Bridge string
}

func (m *message) view() view {
	a := m.Alarm
	line := func(s string) string { return bridges.Line(s, maxLabel) }
	return view{
		Kind: string(m.Kind), ID: a.ID, Name: line(a.Name), Target: line(a.Target), Text: bridges.Text(a.Text, maxText), Probe: line(a.Probe),
		Node: line(a.Node), Reason: line(a.Reason), Runbook: line(a.Runbook), Severity: string(m.known()), Word: m.word,
		Console: bridges.ConsoleOf(m.severity()), Raised: a.Raised.UTC(), Changed: a.Changed.UTC(), Time: m.Time.UTC(),
		Labels: m.labels(), Values: m.values, Sequence: m.Sequence, Test: m.Test, Exporter: m.setting.Exporter, Site: m.setting.Site, Bridge: m.setting.Name,
	}
}

var errLong = fmt.Errorf("the template makes a text of more than %d bytes, or works on too many", maxPrinted)

// budget is how many bytes the functions of one execution may make, so that no
// variable that is doubled again and again fills the memory.
type budget struct{ left int }

func (b *budget) spend(s string) (string, error) {
	if b.left -= len(s) + 16; b.left < 0 || len(s) > maxPrinted {
		return "", errLong
	}
	return s, nil
}

// all makes a function of those that text/template has by itself spend, too.
func (b *budget) all(make func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) { return b.spend(make(args...)) }
}

func (b *budget) one(make func(string) string) func(string) (string, error) {
	return func(s string) (string, error) { return b.spend(make(s)) }
}

// wide are formats with a width or precision that would make much of little.
var wide = regexp.MustCompile(`%[^a-zA-Z%]*(\*|[0-9]{4,})`)

func (b *budget) functions() template.FuncMap {
	return template.FuncMap{
		"json": func(v any) (string, error) {
			j, err := encode(v)
			if err != nil {
				return "", err
			}
			return b.spend(string(j))
		},
		"cut":  func(max int, s string) (string, error) { return b.spend(bridges.Cut(s, max)) },
		"line": b.one(func(s string) string { return bridges.Line(s, maxText) }),
		"time": stamp,
		"unix": time.Time.Unix,

		"upper": b.one(strings.ToUpper), "lower": b.one(strings.ToLower),
		"print": b.all(fmt.Sprint), "println": b.all(fmt.Sprintln),
		"printf": func(format string, args ...any) (string, error) {
			if wide.MatchString(format) {
				return "", errors.New("printf takes no widths of more than three digits")
			}
			return b.spend(fmt.Sprintf(format, args...))
		},
		"html": b.all(template.HTMLEscaper), "js": b.all(template.JSEscaper), "urlquery": b.all(template.URLQueryEscaper),
		"call": func(...any) (string, error) { return "", errors.New("call is not available") },
	}
}

// ownFormat reads an own template and tries it on sample events.
func ownFormat(o *Options) (*format, error) {
	if len(o.Body) > maxTemplate {
		return nil, fmt.Errorf("the template has %d bytes; use %d at most", len(o.Body), maxTemplate)
	}
	spent := &budget{}
	t, err := template.New("body").Option("missingkey=zero").Funcs(spent.functions()).Parse(o.Body)
	if err != nil {
		return nil, err
	}
	if err := bound(t); err != nil {
		return nil, err
	}
	f := &format{contentType: o.ContentType, heartbeat: true, word: asX733, proof: "accepted by the receiver"}
	if f.contentType == "" {
		f.contentType = "application/json"
	}
	mustBeJSON := strings.Contains(f.contentType, "json")
	f.body = func(m *message) ([]byte, http.Header, error) {
		w := &limited{left: min(o.MaxBytes, maxBody)}
		spent.left = maxSpent
		if err := t.Execute(w, m.view()); err != nil {
			return nil, nil, fmt.Errorf("the template failed: %w", err)
		}
		if mustBeJSON && !json.Valid(w.b) {
			return nil, nil, errors.New("the template did not make JSON; put every text in by the function json, without quotes around it, such as {{json .Text}}")
		}
		return w.b, nil, nil
	}
	for _, e := range samples() {
		m, err := (&Options{Severities: o.Severities, Values: o.Values}).message(bridges.Setting{Exporter: "sample", Site: "https://sample.example", Name: "sample"}, f, e)
		if err != nil {
			return nil, err
		}
		if _, _, err := f.body(m); err != nil {
			return nil, fmt.Errorf("tried on a sample (%s): %w", e.Kind, err)
		}
	}
	return f, nil
}

// limited collects output up to a bound.
type limited struct {
	b    []byte
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, errors.New("it makes more than max_bytes")
	}
	l.b = append(l.b, b...)
	return len(b), nil
}

// bound refuses what could run for long.
func bound(t *template.Template) error {
	if len(t.Templates()) > 1 {
		return errors.New("{{define}} and {{block}} are not available; write one template")
	}
	return boundList(t.Root, false)
}

func boundList(l *parse.ListNode, looping bool) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.TemplateNode:
			err = errors.New("{{template}} is not available; write one template")
		case *parse.IfNode:
			err = boundBranch(&n.BranchNode, looping)
		case *parse.WithNode:
			err = boundBranch(&n.BranchNode, looping)
		case *parse.RangeNode:
			if !overMap(n.Pipe) {
				return fmt.Errorf("{{range %s}}: a loop can go over .Labels and .Values only", n.Pipe)
			}
			if looping {
				return errors.New("a {{range}} within another is not available")
			}
			err = boundBranch(&n.BranchNode, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func boundBranch(b *parse.BranchNode, looping bool) error {
	return errors.Join(boundList(b.List, looping), boundList(b.ElseList, looping))
}

// overMap tells whether a loop goes over labels or values.
func overMap(p *parse.PipeNode) bool {
	if p == nil || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	s := p.Cmds[0].Args[0].String()
	return s == ".Labels" || s == ".Values" || s == "$.Labels" || s == "$.Values"
}

// samples are events with everything that breaks a template that puts text in
// without care.
func samples() []bridges.Event {
	at := time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)
	full := bridges.Alarm{ID: "a1b2", Name: `say "hi"`, Severity: probes.Critical, Target: `C:\shop`, Text: "line one\nline \"two\"\t\\ <&> \u2028 \U0001F600",
		Probe: "login", Node: "node'1", Reason: "timeout", Runbook: "https://example.com/?a=b&c=d", Raised: at, Changed: at,
		Labels: map[string]string{"alertname": `"`, "a b": "\n"}}
	over := full
	over.Severity = bridges.Cleared
	return []bridges.Event{
		{Kind: bridges.Raise, Alarm: full, Sequence: 1, Time: at, Test: true},
		{Kind: bridges.Raise, Alarm: bridges.Alarm{ID: "b", Severity: "odd"}, Sequence: 2, Time: at},
		{Kind: bridges.Clear, Alarm: over, Sequence: 3, Time: at},
		{Kind: bridges.Heartbeat, Alarm: bridges.Alarm{Name: "heartbeat", Text: "alive", Severity: bridges.Cleared}, Sequence: 4, Time: at},
	}
}
