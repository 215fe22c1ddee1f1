package tivoli

import (
	"bytes"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
	"github.com/idp-exporter/idp_exporter/probes"
)

func trapRules(t testing.TB, files map[string][]byte, prefix string) *nco.Program {
	t.Helper()
	p, err := nco.Load(nco.Home(files, prefix), "snmptrap.rules", nco.TrapToken)
	require.NoError(t, err)
	return p
}

// trapped runs the rules on events that the snmp bridge sends.
func trapped(t testing.TB, p *nco.Program, version, oid string, events ...bridges.Event) []nco.Row {
	t.Helper()
	var rows []nco.Row
	for _, d := range datagrams(t, version, oid, events...) {
		tokens, err := nco.Trap(d, "127.0.0.1")
		require.NoError(t, err)
		row, err := p.Run(tokens, nil)
		require.NoError(t, err)
		rows = append(rows, row)
	}
	return rows
}

// The rules make of recorded traps what the table of severities says, for a
// site with everything of its own.
func TestTraps(t *testing.T) {
	t.Parallel()
	const oid = "1.3.6.1.4.1.9999.5.7"
	_, files := made(t, oid, "corp", "")
	rules := trapRules(t, files, "corp")
	for _, version := range []string{"v1", "v2c"} {
		for _, s := range append(probes.Severities(), "disaster") {
			got := trapped(t, rules, version, oid, raise("a1b2", s))[0]
			require.Equal(t, map[string]string{
				"Severity": strconv.Itoa(bridges.ConsoleOf(s).OMNIbus), "Type": "1", "ExpireTime": "0",
				"AlertGroup": "CORP Alarm", "AlertKey": "a1b2", "Node": "shop (node1)", "NodeAlias": "127.0.0.1",
				"Manager": "MTTrapd Probe on probehost", "Agent": "corp-IDP-EXPORTER-MIB", "Class": "40999",
				"Identifier": "a1b2 CORP Alarm 1 corp-IDP-EXPORTER-MIB MTTrapd Probe on probehost 1",
				"Summary":    `login on shop (node1): step "token": größer als 5 s; it's {late}`, "URL": "https://wiki.example/login?a=1&b=2",
				"ExtendedAttr":     `alarm_id="a1b2";probe="login";node="node1";reason="timeout";sequence="17"`,
				"X733SpecificProb": "timeout", "LocalPriObj": "login", "LocalRootObj": "shop (node1)",
			}, got.Fields, "%s %s", version, s)
			word := s
			if s == "disaster" {
				word = probes.Indeterminate
			}
			require.Equal(t, string(word), got.Details["corpAlarmSeverity"])
			require.Len(t, got.Details, 11)
		}
		rows := trapped(t, rules, version, oid, clearing("a1b2"), beatOf("exporter1"))
		over, beat := rows[0].Fields, rows[1].Fields
		require.Equal(t, []string{"1", "2", "0"}, []string{over["Severity"], over["Type"], over["ExpireTime"]})
		require.Equal(t, "login on shop (node1) cleared", over["Summary"])
		require.Equal(t, []string{"1", "13", "1800"}, []string{beat["Severity"], beat["Type"], beat["ExpireTime"]})
		require.Equal(t, []string{"CORP Heartbeat", "exporter1", "exporter1", "idp_exporter is alive (exporter1)"},
			[]string{beat["AlertGroup"], beat["AlertKey"], beat["Node"], beat["Summary"]})
	}
}

// What names nothing that is ill stands under its sender.
func TestTrapWithoutTarget(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	e := raise("a1b2", probes.Minor)
	e.Alarm.Target = ""
	row := trapped(t, trapRules(t, files, "idp"), "v1", "", e)[0]
	require.Equal(t, "127.0.0.1", row.Fields["Node"])
}

// A console shows one event for an alarm: repetitions count, another severity
// or text takes its place, and the clear clears it and nothing else.
func TestTrapsInTheObjectServer(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	lives(t, func(e bridges.Event) nco.Row { return trapped(t, trapRules(t, files, "idp"), "v2c", "", e)[0] })
}

// lives follows alarms through an ObjectServer, for every probe.
func lives(t *testing.T, rules func(bridges.Event) nco.Row) {
	t.Helper()
	server := nco.NewServer()
	only := func() *nco.Record {
		t.Helper()
		require.Len(t, server.Standing(), 1)
		return server.Standing()[0]
	}
	server.Insert(rules(raise("a1b2", probes.Warning)))
	server.Pass(900)
	again := raise("a1b2", probes.Critical)
	again.Alarm.Text, again.Alarm.Target = "worse", "elsewhere"
	server.Insert(rules(again))
	server.Pass(900)
	server.Insert(rules(again))
	server.Pass(10)
	record := only()
	require.Equal(t, 3, record.Tally, "one event, whatever changed")
	require.Equal(t, 5, record.Number("Severity"))
	require.Contains(t, record.Fields["Summary"], "worse")
	require.Contains(t, record.Fields["Node"], "elsewhere")

	server.Insert(rules(raise("c3d4", probes.Major)))
	server.Pass(10)
	require.Len(t, server.Standing(), 2)
	over := clearing("a1b2")
	over.Alarm.Target = "elsewhere"
	server.Insert(rules(over))
	server.Pass(10)
	require.Equal(t, "c3d4", only().Fields["AlertKey"], "the clear took the other alarm along, or not its own")
	server.Insert(rules(over)) // told again
	server.Pass(10)
	require.Equal(t, "c3d4", only().Fields["AlertKey"])
	server.Insert(rules(again)) // and it begins anew
	server.Pass(10)
	require.Len(t, server.Standing(), 2)
	server.Insert(rules(over))
	server.Pass(1000)
	server.Insert(rules(clearing("c3d4")))
	server.Pass(10)
	require.Empty(t, server.Standing())

	server.Insert(rules(beatOf("exporter1")))
	server.Pass(300)
	server.Insert(rules(beatOf("exporter1")))
	server.Insert(rules(beatOf("exporter2")))
	require.Len(t, server.Standing(), 2, "one for each exporter")
	server.Pass(1800)
	require.Len(t, server.Standing(), 2)
	server.Pass(1)
	require.Empty(t, server.Standing(), "without the automation they are forgotten")
}

// Mistakes in the rules do not pass.
func TestMutations(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	dir := "include-snmptrap/idp/"
	agent := dir + "idp-IDP-EXPORTER-MIB"
	for _, c := range []struct{ file, from, to, want string }{
		{agent + ".include.snmptrap.rules", "@AlertKey = $idpAlarmId", "@AlertKy = $idpAlarmId", "no field AlertKy"},
		{agent + ".include.snmptrap.rules", "update(@Severity)", "update(@Serverity)", "no field"},
		{agent + ".include.snmptrap.rules", "lookup($OS_EventId, idp-IDP", "lookup($OS_EventId, idp_IDP", "no table"},
		{agent + ".include.snmptrap.rules", "nvp_add(", "nvp_append(", "no function"},
		{agent + ".include.snmptrap.rules", "$idpAlarmText + ", "$idpAlarmTxt + ", "set nowhere"},
		{agent + ".include.snmptrap.rules", "$11", "$eleven", "set nowhere"},
		{agent + ".include.snmptrap.rules", "        default:\n", "", "default"},
		{agent + ".include.snmptrap.rules", "    else\n    {", "    else\n", "is to be"},
		{agent + ".include.snmptrap.rules", `idp-IDP-EXPORTER-MIB.adv.include`, `idp-IDP-EXPORTER-MIB.advanced.include`, "advanced"},
		{agent + ".include.snmptrap.lookup", `"critical"}`, `"critical","5"}`, "columns"},
		{agent + ".sev.snmptrap.lookup", "default =", "", "default"},
		{dir + "idp.master.include.lookup", ".sev.snmptrap.lookup", ".severity.snmptrap.lookup", "severity.snmptrap.lookup"},
		{dir + "idp.master.include.rules", "include \"", "included \"", "begins no statement"},
	} {
		changed := maps.Clone(files)
		require.Contains(t, string(files[c.file]), c.from)
		changed[c.file] = bytes.ReplaceAll(files[c.file], []byte(c.from), []byte(c.to))
		_, err := nco.Load(nco.Home(changed, "idp"), "snmptrap.rules", nco.TrapToken)
		require.ErrorContains(t, err, c.want, "%s: %s", c.file, c.from)
	}
	// What the tables say decides.
	changed := maps.Clone(files)
	sev := agent + ".sev.snmptrap.lookup"
	changed[sev] = []byte(strings.Replace(string(files[sev]), `_warning","2"`, `_warning","d"`, 1))
	row := trapped(t, trapRules(t, changed, "idp"), "v2c", "", raise("a1b2", probes.Warning))[0]
	require.True(t, row.Discarded)
}

// A trap of a number that is not known is shown, and expires.
func TestUnknownTrap(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	tokens, err := nco.Trap(datagrams(t, "v1", "", raise("a1b2", probes.Major))[0], "127.0.0.1")
	require.NoError(t, err)
	tokens["specific-trap"] = "9"
	row, err := trapRules(t, files, "idp").Run(tokens, nil)
	require.NoError(t, err)
	require.Equal(t, "Unknown Specific Trap Number (9) Received for Enterprise .1.3.6.1.4.1.32473.1", row.Fields["Summary"])
	require.Equal(t, []string{"1", "13", "1800"}, []string{row.Fields["Severity"], row.Fields["Type"], row.Fields["ExpireTime"]})
	require.Equal(t, "a1b2", row.Details["1"])
	tokens["enterprise"] = ".1.3.6.1.4.1.32473.2"
	row, err = trapRules(t, files, "idp").Run(tokens, nil)
	require.NoError(t, err)
	require.Equal(t, "No rules for .1.3.6.1.4.1.32473.2", row.Fields["Summary"], "another's trap is none of ours")
}
