package web

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/state"
)

// verboseText lists why, and each probe on each node, for people.
func verboseText(rep report, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", map[bool]string{true: "OK", false: "FAIL"}[rep.OK])
	for _, line := range rep.notes() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	b.WriteString("\n")
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if rep.cluster != nil {
		memberTable(t, rep.cluster.Members, now)
		_ = t.Flush()
		b.WriteString("\n")
	}
	_, _ = fmt.Fprintln(t, "VERDICT\tGATES\tPROBE\tNODE\tLAST\tAGE\tSUPPRESSED\tSTEP\tREASON\tDETAIL")
	for _, e := range rep.entries {
		gates := "no"
		if e.Gates {
			gates = "yes"
		}
		f := flatten(e, now)
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Verdict, gates, e.Probe, orDash(e.Node), f.last, f.age,
			orDash(suppressedText(e)), orDash(f.step), orDash(string(f.reason)), orDash(f.detail))
	}
	_ = t.Flush()
	return b.String()
}

func memberTable(t *tabwriter.Writer, members []peers.Member, now time.Time) {
	_, _ = fmt.Fprintln(t, "MEMBER\tSAYS\tAGE\tPROBLEM")
	for _, m := range members {
		age := "-"
		if !m.At.IsZero() {
			age = max(0, now.Sub(m.At)).Round(time.Second).String()
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", m.Name, m.State(), age, orDash(m.Problem))
	}
}

// suppressedText tells why an entry raises no alarm, and until when.
func suppressedText(e state.Entry) string {
	if e.Suppressed == "" || e.SuppressedUntil.IsZero() {
		return e.Suppressed
	}
	return e.Suppressed + " until " + e.SuppressedUntil.UTC().Format("2006-01-02 15:04:05Z")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
