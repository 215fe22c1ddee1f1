package mib

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
)

var update = flag.Bool("update", false, "write the golden file anew")

const golden = "testdata/IDP-EXPORTER-MIB"

func at(t testing.TB, base string) Model {
	t.Helper()
	m, err := New(base)
	require.NoError(t, err)
	return m
}

func TestGolden(t *testing.T) {
	t.Parallel()
	text := Generate(at(t, ""))
	if *update {
		require.NoError(t, os.WriteFile(golden, text, 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(text), "run go test ./bridges/snmp/mib -update, and raise revision if the meaning changed")
}

// The order of the variables and the numbers of all that consoles have rules
// for are a promise.
func TestWhatMustNeverMove(t *testing.T) {
	t.Parallel()
	m := at(t, "")
	var names []string
	for _, o := range variables().objects {
		names = append(names, o.name)
	}
	require.Equal(t, []string{
		"AlarmId", "AlarmName", "AlarmSeverity", "AlarmTarget", "AlarmText", "AlarmTime", "AlarmSequence",
		"AlarmProbe", "AlarmNode", "AlarmReason", "AlarmRunbook",
	}, names[:11])
	require.Equal(t, "AlarmRunbook", names[Runbook])
	for i, o := range m.Variables() {
		require.Equal(t, fmt.Sprintf("1.3.6.1.4.1.32473.1.1.1.%d.0", i+1), o.String())
	}
	for kind, arc := range map[bridges.EventKind]string{bridges.Raise: "1", bridges.Clear: "2", bridges.Heartbeat: "3"} {
		o, err := m.Notification(kind)
		require.NoError(t, err)
		require.Equal(t, "1.3.6.1.4.1.32473.1.0."+arc, o.String())
	}
	_, err := m.Notification("other")
	require.ErrorContains(t, err, "other")
}

// Numbers grow without gaps, no name is there twice, and every object that is
// not an index belongs to a group.
func TestModelIsWhole(t *testing.T) {
	t.Parallel()
	text := string(Generate(at(t, "")))
	defined := regexp.MustCompile(`(?m)^(idp\w+) (?:OBJECT-TYPE|NOTIFICATION-TYPE|OBJECT-GROUP|NOTIFICATION-GROUP)`).FindAllStringSubmatch(text, -1)
	require.Greater(t, len(defined), 40)
	seen := map[string]bool{}
	for _, d := range defined {
		require.False(t, seen[d[1]], "%s is there twice", d[1])
		seen[d[1]] = true
	}
	for i, o := range variables().objects {
		require.EqualValues(t, i+1, o.arc)
	}
	for i, o := range alarms().columns {
		require.EqualValues(t, i+2, o.arc)
	}
	for i, o := range probeTable().columns {
		require.EqualValues(t, i+2, o.arc)
	}
	for _, i := range Shorten() {
		require.Equal(t, OctetString, Values(bridges.Event{})[i].Kind)
	}
}

func TestModelsThatAreRefused(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"1.3.6.1.4.1":            "IANA",
		"1.3.6.1.2.1.1":          "IANA",
		"1.3.6.1.4.1.x":          "no number",
		"1.3.6.1.4.1.4294967296": "no number",
		"1":                      "not an object identifier",
		"3.1.4":                  "begin with 3.1",
		"1.3.6.1.4.1.9" + strings.Repeat(".1", 110): "too long",
	} {
		_, err := New(base)
		require.ErrorContains(t, err, want, base)
	}
	m := at(t, "")
	require.True(t, m.Documentation())
	for _, change := range []func(*Model){
		func(m *Model) { m.Module = "lower" },
		func(m *Model) { m.Module = "A--B-MIB" },
		func(m *Model) { m.Prefix = "Upper" },
		func(m *Model) { m.Prefix = "" },
		func(m *Model) { m.Organization = "" },
		func(m *Model) { m.Contact = "Jörg" },
	} {
		broken := m
		change(&broken)
		require.Error(t, broken.Check())
	}
}

func TestValuesOfEvents(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 24, 3, 4, 5, 678_000_000, time.FixedZone("", 3600))
	e := bridges.Event{Kind: bridges.Raise, Sequence: 1<<32 + 5, Time: when, Alarm: bridges.Alarm{
		ID: "a-1", Name: "log\nin", Severity: "critical", Target: "\xff", Text: strings.Repeat("ä", 600),
		Probe: "p", Node: "n", Reason: "timeout", Runbook: "https://example.com/" + strings.Repeat("x", 255),
	}}
	v := Values(e)
	require.Equal(t, "a-1", v[0].Octets)
	require.Equal(t, "log in", v[1].Octets)
	require.Equal(t, Int(3), v[2])
	require.Equal(t, "\uFFFD", v[3].Octets)
	require.LessOrEqual(t, len(v[4].Octets), longLimit)
	require.True(t, strings.HasSuffix(v[4].Octets, "ä…"))
	require.Equal(t, "\x07\xea\x0b\x18\x02\x04\x05\x06+\x00\x00", v[5].Octets, "in UTC")
	require.EqualValues(t, 5, v[6].Number, "modulo 2^32")
	require.Empty(t, v[10].Octets, "half a link leads nowhere")

	e.Kind = bridges.Clear
	require.Equal(t, Int(1), Values(e)[2], "cleared")
	e.Alarm.Changed = when.Add(time.Second)
	require.Equal(t, byte(6), Values(e)[5].Octets[6])

	beat := Values(bridges.Event{Kind: bridges.Heartbeat})
	require.Equal(t, "heartbeat", beat[0].Octets)
	require.Equal(t, Int(1), beat[2])
	require.Equal(t, strings.Repeat("\x00", 8), beat[5].Octets, "a time that is not known")
}
