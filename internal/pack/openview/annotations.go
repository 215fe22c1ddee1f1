package openview

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// notification is one with its annotations, as they stand in the module.
type notification struct {
	mib.Notification
	Type, Summary, Arguments, Annotated, Category, State string
	// Format is the summary in the words of trapd.conf, with $1 for the first
	// variable; NNM the severity in those of NNM.
	Format, NNM string
}

// annotated reads the annotations of a notification out of the module, so that
// no other file can tell otherwise.
func annotated(module string, n mib.Notification) (notification, error) {
	_, text, found := strings.Cut(module, "\n"+n.Name+" NOTIFICATION-TYPE\n")
	if text, _, _ = strings.Cut(text, "::="); !found {
		return notification{}, fmt.Errorf("the MIB module defines no %s", n.Name)
	}
	out := notification{Notification: n}
	for name, to := range map[string]*string{
		"TYPE": &out.Type, "SUMMARY": &out.Summary, "ARGUMENTS": &out.Arguments, "SEVERITY": &out.Annotated, "CATEGORY": &out.Category, "STATE": &out.State,
	} {
		m := regexp.MustCompile(`(?m)^\s*--#` + name + `\s+(.+)$`).FindStringSubmatch(text)
		if m == nil {
			return notification{}, fmt.Errorf("%s has no annotation %s", n.Name, name)
		}
		*to = strings.Trim(m[1], `"`)
	}
	var err error
	if out.Format, err = format(out.Summary, out.Arguments); err != nil {
		return notification{}, fmt.Errorf("%s: %w", n.Name, err)
	}
	out.NNM, err = severityOf(out.Annotated)
	return out, err
}

// format puts the variables that arguments name, counted from 0, into a summary.
func format(summary, arguments string) (string, error) {
	fields := strings.FieldsFunc(arguments, func(r rune) bool { return strings.ContainsRune("{}, ", r) })
	parts := strings.Split(summary, "%s")
	if len(parts) != len(fields)+1 {
		return "", fmt.Errorf("summary %q does not take the arguments %s", summary, arguments)
	}
	out := parts[0]
	for i, f := range fields {
		n, err := strconv.Atoi(f)
		if err != nil {
			return "", fmt.Errorf("argument %q: %w", f, err)
		}
		out += "$" + strconv.Itoa(n+1) + parts[i+1]
	}
	return out, nil
}

// severityOf returns NNM's word for a severity of an annotation.
func severityOf(annotated string) (string, error) {
	switch annotated {
	case "INFORMATIONAL":
		return "Normal", nil
	case "WARNING", "MINOR", "MAJOR", "CRITICAL":
		return annotated[:1] + strings.ToLower(annotated[1:]), nil
	}
	return "", fmt.Errorf("%q is no severity of an annotation", annotated)
}
