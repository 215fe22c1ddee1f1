package systemcenter

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/probes"
)

// manager is a stand-in for what runs the rules of a pack.
type manager struct {
	t    *testing.T
	root *element
}

// bind is a variable of a trap, as Operations Manager shows it.
type bind struct{ oid, value string }

// generated is an alert that a rule makes.
type generated struct {
	rule, severity, name, description, key string
	custom                                 []string
}

// value is what stands at a path of the data; variable is the form of it.
func (m manager) value(path string, binds []bind) string {
	m.t.Helper()
	found := variable.FindStringSubmatch(path)
	require.NotNil(m.t, found, path)
	for _, b := range binds {
		if b.oid == found[1] || b.oid == "."+found[2] {
			return b.value
		}
	}
	m.t.Fatalf("%s finds nothing in %v", path, binds)
	return ""
}

// take returns the alerts that a trap makes, and the rules that keep it.
func (m manager) take(trap string, binds []bind) (alerts []generated, kept []string) {
	m.t.Helper()
	for _, r := range m.root.child("Monitoring").child("Rules").all("Rule") {
		if r.child("DataSources").all("OIDProp")[0].text != trap {
			continue
		}
		if filters := r.all("SimpleExpression"); len(filters) > 0 {
			require.Equal(m.t, "Equal", filters[0].child("Operator").text)
			if m.value(filters[0].all("XPathQuery")[0].text, binds) != filters[0].all("Value")[0].text {
				continue
			}
		}
		action := r.child("WriteActions").child("WriteAction")
		if strings.HasSuffix(action.attrs["TypeID"], ".CollectEvent") {
			kept = append(kept, r.attrs["ID"])
			continue
		}
		a := generated{rule: r.attrs["ID"], severity: action.child("Severity").text, key: m.value(action.all("SuppressionValue")[0].text, binds)}
		words := []string{}
		for i, p := range action.child("AlertParameters").children {
			words = append(words, "{"+strconv.Itoa(i)+"}", m.value(p.text, binds))
		}
		for _, d := range m.root.all("DisplayString") {
			if d.attrs["ElementID"] == r.attrs["ID"]+".Message" {
				text := strings.NewReplacer(words...)
				a.name, a.description = text.Replace(d.child("Name").text), text.Replace(d.child("Description").text)
			}
		}
		for i := 1; i <= 4; i++ {
			a.custom = append(a.custom, m.value(action.child("Custom"+strconv.Itoa(i)).text, binds))
		}
		alerts = append(alerts, a)
	}
	return alerts, kept
}

// binds returns the variables that the bridge sends with an event: with those
// that begin each of v2c or without, their OIDs with a leading dot or without.
func binds(m mib.Model, e bridges.Event, first, dot bool) (all []bind) {
	add := func(oid, value string) {
		if dot {
			oid = "." + oid
		}
		all = append(all, bind{oid, value})
	}
	if first {
		add("1.3.6.1.2.1.1.3.0", "4711")
		add("1.3.6.1.6.3.1.1.4.1.0", "1.3.6.1.4.1.32473.1.0.1")
	}
	for i, v := range mib.Values(e) {
		value := v.Octets
		if v.Kind != mib.OctetString {
			value = strconv.Itoa(int(v.Number))
		}
		add(m.Variables()[i].String(), value)
	}
	return all
}

// Whatever the data of a trap looks like, as far as that is not public, the
// rules make of each alarm the one alert that is meant.
func TestRulesOnTraps(t *testing.T) {
	t.Parallel()
	site, files := made(t, "", "", "")
	root, err := parse(files["Idp.Exporter.xml"])
	require.NoError(t, err)
	m := manager{t, root}
	now := time.Date(2031, 2, 1, 21, 0, 0, 0, time.UTC)
	oid := func(kind bridges.EventKind) string {
		o, err := site.MIB.Notification(kind)
		require.NoError(t, err)
		return o.String()
	}
	for _, first := range []bool{false, true} {
		for _, dot := range []bool{false, true} {
			for _, s := range probes.Severities() {
				e := bridges.Event{Kind: bridges.Raise, Sequence: 7, Time: now, Alarm: bridges.Alarm{
					ID: "login-1", Name: "login", Severity: s, Target: "shop", Text: "refused", Probe: "login", Node: "a", Reason: string(probes.ReasonCredentialsRefused),
					Runbook: "https://wiki.example.com/login", Raised: now, Changed: now,
				}}
				alerts, kept := m.take(oid(bridges.Raise), binds(site.MIB, e, first, dot))
				require.Empty(t, kept)
				require.Equal(t, []generated{{
					rule: "Idp.Exporter.Raise." + capital(string(s)), severity: strconv.Itoa(bridges.ConsoleOf(s).SCOM), name: "IdP: login on shop",
					description: "refused\nReason: credentials_refused\nWhat to do: https://wiki.example.com/login", key: "login-1",
					custom: []string{"login-1", "login", "a", "https://wiki.example.com/login"},
				}}, alerts)
			}
			for kind, rule := range map[bridges.EventKind]string{bridges.Clear: "Idp.Exporter.Clear", bridges.Heartbeat: "Idp.Exporter.Heartbeat"} {
				alerts, kept := m.take(oid(kind), binds(site.MIB, bridges.Event{Kind: kind, Time: now, Alarm: bridges.Alarm{Severity: bridges.Cleared}}, first, dot))
				require.Empty(t, alerts)
				require.Equal(t, []string{rule}, kept)
			}
		}
	}
}

// The view of events shows all that is kept.
func TestViewShowsWhatIsKept(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	root, err := parse(files["Idp.Exporter.xml"])
	require.NoError(t, err)
	var kept, shown []string
	for _, r := range root.child("Monitoring").all("Rule") {
		if r.child("Category").text == "EventCollection" {
			kept = append(kept, `$MPElement[Name="`+r.attrs["ID"]+`"]$`)
		}
	}
	for _, r := range root.all("RuleList")[0].children {
		shown = append(shown, r.text)
	}
	require.Len(t, kept, 2)
	require.ElementsMatch(t, kept, shown)
}

// Three heartbeats, as they come by default, fit into the silence.
func TestSilence(t *testing.T) {
	t.Parallel()
	require.Equal(t, 3*alarm.NewConfig().Heartbeat+time.Minute, silence)
}
