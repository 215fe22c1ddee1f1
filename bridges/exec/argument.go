package execbridge

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// fields are the names that can stand in braces.
var fields = map[string]func(s bridges.Setting, e bridges.Event) string{
	"id":       func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.ID },
	"kind":     func(_ bridges.Setting, e bridges.Event) string { return string(e.Kind) },
	"name":     func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.Name },
	"target":   func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.Target },
	"text":     func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.Text },
	"probe":    func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.Probe },
	"node":     func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.Node },
	"reason":   func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.Reason },
	"runbook":  func(_ bridges.Setting, e bridges.Event) string { return e.Alarm.Runbook },
	"sequence": func(_ bridges.Setting, e bridges.Event) string { return strconv.FormatUint(e.Sequence, 10) },
	"time":     func(_ bridges.Setting, e bridges.Event) string { return stamp(e.Time) },
	"raised":   func(_ bridges.Setting, e bridges.Event) string { return stamp(e.Alarm.Raised) },
	"test":     func(_ bridges.Setting, e bridges.Event) string { return strconv.FormatBool(e.Test) },
	"exporter": func(s bridges.Setting, _ bridges.Event) string { return s.Exporter },
	"site":     func(s bridges.Setting, _ bridges.Event) string { return s.Site },
	"severity": func(_ bridges.Setting, e bridges.Event) string { return string(severity(e)) },
	// The severity in the words of the consoles.
	"severity_openview": func(_ bridges.Setting, e bridges.Event) string { return console(e).OpenView },
	"severity_eif":      func(_ bridges.Setting, e bridges.Event) string { return console(e).EIF },
	"severity_omnibus":  func(_ bridges.Setting, e bridges.Event) string { return strconv.Itoa(console(e).OMNIbus) },
	"severity_itu":      func(_ bridges.Setting, e bridges.Event) string { return strconv.Itoa(console(e).ITU) },
	"severity_syslog":   func(_ bridges.Setting, e bridges.Event) string { return strconv.Itoa(console(e).Syslog) },
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// part is fixed text, or a field.
type part struct{ text, field string }

// parse reads an argument. {{ and }} stand for the braces themselves.
func parse(s string) ([]part, error) {
	if strings.Contains(s, "\x00") {
		return nil, fmt.Errorf("an argument cannot have a NUL in it")
	}
	var parts []part
	text := ""
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			text += s[i : i+1]
			i++
		case s[i] == '}':
			return nil, fmt.Errorf("a } without its {; write }} for a brace itself")
		case s[i] == '{':
			name, _, ok := strings.Cut(s[i+1:], "}")
			if _, known := fields[name]; !ok || !known {
				return nil, fmt.Errorf("{%.40s} is not known; use {{ for a brace itself, or one of %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			}
			parts = append(parts, part{text: text}, part{field: name})
			text = ""
			i += len(name) + 1
		default:
			text += s[i : i+1]
		}
	}
	return append(parts, part{text: text}), nil
}

// argument puts an argument together. One that begins with what an alarm says
// never becomes an option: a space is put before its hyphen.
func (r *runner) argument(parts []part, e bridges.Event) string {
	var b strings.Builder
	for _, p := range parts {
		if p.field == "" {
			b.WriteString(p.text)
			continue
		}
		value := bridges.Line(fields[p.field](r.setting, e), r.options.MaxBytes)
		if b.Len() == 0 && strings.HasPrefix(value, "-") {
			b.WriteByte(' ')
		}
		b.WriteString(value)
	}
	return b.String()
}
