package preset

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Without is the setting of every preset that leaves out probes by name.
const Without = "without"

// settings checks what the preset was told and fills in defaults.
func (e *expansion) settings(given map[string]Value) {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		value, path := given[key], "preset_settings."+key
		if key == Without {
			e.leaveOut(path, value.Text)
			continue
		}
		s, known := e.file.Settings[key]
		if !known {
			e.wrong(path, false, "preset %s has no such setting; it has %s", e.preset, strings.Join(append(slices.Sorted(maps.Keys(e.file.Settings)), Without), ", "))
			continue
		}
		parts := []string{value.Text}
		if s.List {
			parts = words(value.Text)
			value.list = parts
		}
		if wrong := s.wrong(parts); wrong != "" && !value.Unfilled {
			e.wrong(path, false, "%s", wrong)
			continue
		}
		if s.URL && !s.List {
			value.Text = strings.TrimSuffix(value.Text, "/")
		}
		e.values[key] = value
	}
	for key, s := range e.file.Settings {
		if _, set := e.values[key]; set || s.Default == "" || s.DefaultBelow != "" && !below(e.provider.Issuer.Hostname(), s.DefaultBelow) {
			continue
		}
		if v, missing := fillText(s.Default, e.values); len(missing) == 0 {
			e.values[key] = v
		}
	}
}

// wrong says what is wrong with a value, "" if nothing is.
func (s Setting) wrong(parts []string) string {
	if len(parts) == 0 {
		parts = []string{""}
	}
	for _, p := range parts {
		switch {
		case p == "":
			return "it is empty; give " + s.About
		case placeholder.MatchString(strings.ReplaceAll(p, nodeMark, "")) || (!s.URL || s.List) && strings.Contains(p, nodeMark):
			return "there are braces in it; write what it is"
		case len(s.Choices) > 0 && !slices.Contains(s.Choices, p):
			return "it is not known; use one of " + strings.Join(s.Choices, ", ")
		case s.URL && strings.Contains(p, nodeMark) && !marksHost(p):
			return nodeMark + " stands for the whole host of a URL, such as https://{node}:9000; write no more into its place"
		case s.URL && !isURL(p):
			return "this is not a URL; write scheme, host and port, without user and query, such as " + s.Example
		case s.Host && !hostName.MatchString(p):
			return "this is not a host's name; write one such as " + s.Example
		}
	}
	return ""
}

func (e *expansion) leaveOut(path, list string) {
	var known []string
	for i := range e.file.Probes {
		known = append(known, get(&e.file.Probes[i], "name").Value)
	}
	for _, name := range words(list) {
		if !slices.Contains(known, name) {
			e.wrong(path, false, "preset %s has no probe %q; it has %s", e.preset, name, strings.Join(known, ", "))
		}
		e.without = append(e.without, name)
	}
}

func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

func below(host, domain string) bool { return strings.HasSuffix(strings.ToLower(host), "."+domain) }

func isURL(text string) bool {
	u, err := url.Parse(strings.ReplaceAll(text, nodeMark, "node"))
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// marksHost tells whether the mark stands in the place of a URL's host, and
// nowhere else.
func marksHost(text string) bool {
	u, err := url.Parse(strings.Replace(text, nodeMark, "node", 1))
	return err == nil && u.Hostname() == "node" && strings.Count(text, nodeMark) == 1
}
