package test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runbookHead is the line below the heading of an alert's page, which says the
// same as the rule.
func runbookHead(r alertRule) string {
	severity := r.Labels["severity"]
	if strings.HasPrefix(severity, "{{") {
		severity = "the probe's"
	}
	fires := "Fires at once"
	if r.For != "" {
		fires = "Fires after " + r.For
	}
	if r.KeepFiringFor != "" {
		fires += ", and for " + r.KeepFiringFor + " after the cause has gone"
	}
	return fmt.Sprintf("Severity: %s. Component: `%s`. %s; the rule is in [%s](../../alerts/prometheus/%[4]s).", severity, r.Labels["component"], fires, r.file)
}

func TestRunbooksSayWhatTheRulesDo(t *testing.T) {
	t.Parallel()
	alerts, _ := alertRules(t)
	for _, r := range alerts {
		text, err := os.ReadFile("../docs/runbooks/" + r.Alert + ".md")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), "# "+r.Alert+"\n\n"+runbookHead(r)+"\n\n"), "%s.md is to begin with its name and\n%s", r.Alert, runbookHead(r))
	}
}

// TestTheIndexOfRunbooksSaysWhatThePagesDo: one row for each alert, with its
// severity and the beginning of what its page says to people signing in.
func TestTheIndexOfRunbooksSaysWhatThePagesDo(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("../docs/runbooks/README.md")
	require.NoError(t, err)
	rows := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| \[(\w+)\]\((\w+)\.md\) \| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(string(index), -1) {
		require.Equal(t, m[1], m[2])
		require.NotContains(t, rows, m[1], "it is there twice")
		rows[m[1]] = m[3:]
	}
	alerts, _ := alertRules(t)
	require.Len(t, rows, len(alerts))
	require.Equal(t, len(alerts), strings.Count(string(index), ".md) |"), "rows that are not read here")
	for _, r := range alerts {
		require.Contains(t, rows, r.Alert)
		require.True(t, strings.HasPrefix(runbookHead(r), "Severity: "+rows[r.Alert][0]+". "), "%s: %s", r.Alert, rows[r.Alert][0])
		text, err := os.ReadFile("../docs/runbooks/" + r.Alert + ".md")
		require.NoError(t, err)
		_, meaning, _ := strings.Cut(string(text), "## What it means for people signing in\n\n")
		require.True(t, strings.HasPrefix(meaning, rows[r.Alert][1]), "%s: the page says %q", r.Alert, meaning[:min(len(meaning), 200)])
	}
}
