package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	red, green, yellow, bold, plain = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m", "\x1b[0m"
	barWidth                        = 40
)

// timeline draws a result for a person: a line for each step with a bar where
// in the run it fell, and the failing one marked.
func timeline(o probeOptions, r probes.Result, color bool) string {
	var b strings.Builder
	paint := func(code, s string) string {
		if !color {
			return s
		}
		return code + s + plain
	}
	tint := map[probes.Outcome]string{probes.Pass: green, probes.Warn: yellow, probes.Fail: red, probes.Unknown: yellow}
	where := "the public name"
	if o.node != "" {
		where = "node " + o.node
	}
	fmt.Fprintf(&b, "%s on %s: %s in %s\n\n", paint(bold, o.name), where,
		paint(tint[r.Outcome], strings.ToUpper(r.Outcome.String())), ms(r.Duration))
	for _, s := range r.Steps {
		mark := " "
		if s.Outcome != probes.Pass {
			mark = paint(tint[s.Outcome], "✗")
		}
		fmt.Fprintf(&b, "%s %-14s %10s  %s\n", mark, s.Name, ms(s.Duration), paint(tint[s.Outcome], bar(s, r.Duration)))
	}
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, text)
		}
	}
	if len(r.Steps) > 0 {
		b.WriteByte('\n')
	}
	line("failed step", r.FailedStep)
	line("reason", string(r.Reason))
	line("detail", r.Detail)
	for _, a := range r.Assertions {
		state := paint(green, "holds")
		if !a.Pass {
			state = paint(red, "fails")
		}
		line("expectation", fmt.Sprintf("%s %s  %s", state, a.Name, a.Detail))
	}
	for _, u := range r.Unverified {
		line("not verified", u)
	}
	if !r.Facts.CertificateNotAfter.IsZero() {
		line("certificate", "valid until "+r.Facts.CertificateNotAfter.UTC().Format(time.RFC3339))
	}
	if r.Facts.ClockOffset != nil {
		line("clock", fmt.Sprintf("server minus local %.1f s", r.Facts.ClockOffset.Seconds()))
	}
	return b.String()
}

func bar(s probes.Step, whole time.Duration) string {
	if whole <= 0 {
		return ""
	}
	cell := func(d time.Duration) int { return min(int(d*barWidth/whole), barWidth-1) }
	from := max(cell(s.Start), 0)
	to := max(cell(s.Start+s.Duration), from)
	return strings.Repeat(" ", from) + strings.Repeat("▇", to-from+1)
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// nagios spells a result as one line of a monitoring plugin, with performance
// data (Monitoring Plugins Development Guidelines, "Performance data").
func nagios(o probeOptions, r probes.Result) string {
	word := map[probes.Outcome]string{probes.Pass: "OK", probes.Warn: "WARNING", probes.Fail: "CRITICAL", probes.Unknown: "UNKNOWN"}
	name := o.name
	if o.node != "" {
		name += " on " + o.node
	}
	text := fmt.Sprintf("%s in %s", name, ms(r.Duration))
	if r.Outcome != probes.Pass {
		text = fmt.Sprintf("%s: step %s: %s: %s", name, r.FailedStep, r.Reason, r.Detail)
	}
	// A bar would end the text.
	text = strings.ReplaceAll(firstLine(text), "|", "/")
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s | time=%.6fs;;;0", word[r.Outcome], text, r.Duration.Seconds())
	for _, s := range r.Steps {
		fmt.Fprintf(&b, " %s=%.6fs;;;0", s.Name, s.Duration.Seconds())
	}
	return b.String()
}

func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}
