package alarm

import (
	"maps"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/probes"
)

// rank orders severities, 0 for what is none.
func rank(s probes.Severity) int {
	all := probes.Severities() // the most severe first
	if i := slices.Index(all, s); i >= 0 {
		return len(all) - i
	}
	return 0
}

func known(s probes.Severity) bool { return rank(s) > 0 }

// words returns what alerts usually call their severity. The words of no
// severity at all, such as info, are indeterminate: X.733 has nothing below
// warning.
func words() map[string]probes.Severity {
	all := map[string]probes.Severity{}
	for s, list := range map[probes.Severity]string{
		probes.Critical:      "critical crit page pager emergency emerg fatal disaster panic p1",
		probes.Major:         "major error err high alert p2",
		probes.Minor:         "minor average medium moderate p3",
		probes.Warning:       "warning warn low ticket p4",
		probes.Indeterminate: "indeterminate info informational information notice none debug ok unknown p5",
	} {
		for word := range strings.FieldsSeq(list) {
			all[word] = s
		}
	}
	return all
}

// severities maps the words of alerts.
type severities struct {
	words   map[string]probes.Severity
	unknown probes.Severity
}

func newSeverities(c Config) severities {
	s := severities{words: words(), unknown: c.UnknownSeverity}
	for word, severity := range c.Severities {
		s.words[strings.ToLower(word)] = probes.Severity(severity)
	}
	return s
}

// of returns the severity for a word, and whether the word is known.
func (s severities) of(word string) (probes.Severity, bool) {
	if severity, ok := s.words[strings.ToLower(strings.TrimSpace(word))]; ok {
		return severity, true
	}
	return s.unknown, false
}

// Severities returns the words for severities of alerts that are understood
// under a configuration, and what each means.
func Severities(c Config) map[string]probes.Severity { return maps.Clone(newSeverities(c).words) }
