package app

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/collector"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// feedEvery is how often the alarms are brought in line with the verdicts, which
// also fall by time alone; a change of a verdict does so at once, or after feedRest.
const feedEvery = 2 * time.Second

// feedRest is how many times as long as it took to bring the alarms in line they
// are then left alone: with thousands of probes it takes milliseconds, and as many
// verdicts may change in a second.
const feedRest = 10

// openAlarms makes the engine and opens the bridges.
func (a *App) openAlarms(ctx context.Context, c *config.Config) error {
	o := alarm.Options{Resync: true, Suppressed: a.suppressedAlert, Exporter: c.Exporter.Name, Logger: a.log}
	if a.store != nil {
		report := a.store.Report()
		o.Store, o.Resync = a.store, report.Created || report.SetAside != ""
	}
	a.alarms = alarm.New(ctx, o)
	a.metrics.Registry().MustRegister(collector.NewAlarms(a.alarms.Stats))
	return a.configureAlarms(c)
}

// configureAlarms puts the bridges of a configuration in force, or none of them.
func (a *App) configureAlarms(c *config.Config) error {
	list := make([]alarm.Bridge, 0, len(c.Bridges))
	secrets := make(map[string]string)
	for _, b := range c.Bridges {
		setting := c.Setting(b)
		setting.Start, setting.Logger = a.start, a.log
		if a.store != nil {
			setting.Storage = a.options.StoragePath
		}
		// A secret that was changed in the file itself opens the bridge anew. The
		// mark for that goes to disk, and tells nothing of the secret.
		secrets[b.Name] = b.WithSecrets
		if was, known := a.bridgeSecrets[b.Name]; known && was != b.WithSecrets {
			a.bridgeTurns[b.Name]++
		}
		mark := ""
		if n := a.bridgeTurns[b.Name]; n > 0 {
			mark = fmt.Sprintf(" %d", n)
		}
		list = append(list, alarm.Bridge{
			Common: b.Common, Fingerprint: b.Fingerprint + mark,
			New: func() ([]bridges.Destination, error) { return b.Options.New(setting) },
		})
	}
	if err := a.alarms.Configure(c.Alarms, list); err != nil {
		return fmt.Errorf("alarms: %w", err)
	}
	a.bridgeSecrets = secrets
	return nil
}

// suppressedAlert tells whether an alert about a probe or a node is to begin no
// alarm for now.
func (a *App) suppressedAlert(probe, node string, at time.Time) string {
	if probe == "" {
		cause, _, _, _ := a.book.SuppressedNode(node, at)
		return string(cause)
	}
	cause, _, _, _ := a.book.Suppressed(probe, node, at)
	return string(cause)
}

// nudge lets the alarms follow a change of a verdict at once.
func (a *App) nudge() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// feed brings the alarms in line with the verdicts until ctx ends.
func (a *App) feed(ctx context.Context) error {
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	var list []alarm.VerdictInput
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-rest.C:
		}
		begin := time.Now()
		list = a.verdicts(list[:0])
		a.alarms.Verdicts(list)
		rest.Reset(min(feedRest*time.Since(begin), feedEvery))
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-a.changed:
		}
	}
}

// verdicts appends what the verdicts are to the alarms.
func (a *App) verdicts(list []alarm.VerdictInput) []alarm.VerdictInput {
	for e := range a.state.All() {
		list = append(list, VerdictInput(e))
	}
	return list
}

// VerdictInput says what an entry's verdict is to the alarms.
func VerdictInput(e *state.Entry) alarm.VerdictInput {
	in := alarm.VerdictInput{
		Probe: e.Probe, Node: e.Node, Severity: e.Severity, Failing: !e.Verdict.OK(), Known: !e.Pending || e.Restored,
		Suppressed: e.Suppressed, Target: target(e), Since: e.Since,
		Page: runbookPage(e.Kind, e.Node, e.Gates),
	}
	switch r := e.LastConclusive; {
	case !in.Failing:
	case r != nil && r.Outcome == probes.Fail:
		in.Step, in.Reason = r.FailedStep, string(r.Reason)
		in.Text = strings.TrimSpace(fmt.Sprintf("%s failed at step %s: %s", e.Kind, r.FailedStep, r.Reason))
		if e.Stale {
			in.Text += "; results stopped coming"
		}
	case e.Stale:
		in.Reason, in.Text = "stale", "results stopped coming"
	default:
		in.Reason, in.Text = "unknown", "no conclusive result for too long"
	}
	return in
}

// runbookPage names the page of docs/runbooks that says what to do about a
// failing probe, empty for a kind that has none.
func runbookPage(kind, node string, gates bool) string {
	switch kind {
	case "login":
		if !gates {
			return "IdPLoginFailing"
		}
		return "IdPSignInDown"
	case "rule":
		return "IdPRuleNotRun"
	case "testall":
		if node != "" {
			return "IdPTestallFailingAtNode"
		}
		return "IdPTestallFailingAtLoadBalancer"
	case "appliance", "egress", "host":
		return "IdP" + strings.ToUpper(kind[:1]) + kind[1:] + "Failing"
	case "http", "oidc", "dns", "tls", "tcp", "ldap", "smtp", "ntp", "icmp":
		return "IdP" + strings.ToUpper(kind) + "Failing"
	}
	return ""
}

// target names what is ill, differently for every node.
func target(e *state.Entry) string {
	name := cmp.Or(e.Provider, e.Probe)
	if e.Node != "" {
		name += "/" + e.Node
	}
	return name
}
