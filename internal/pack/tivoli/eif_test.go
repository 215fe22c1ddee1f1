package tivoli

import (
	"bytes"
	"maps"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/eif"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
	"github.com/idp-exporter/idp_exporter/probes"
)

// slotToken tells whether the EIF probe gives a token of that name: a slot that
// the class has.
func slotToken(name string) bool {
	for _, s := range own() {
		if s.Name == name {
			return true
		}
	}
	for _, s := range inherited() {
		if s == name {
			return true
		}
	}
	return name == "ClassName"
}

func eifRules(t testing.TB, files map[string][]byte, prefix string) *nco.Program {
	t.Helper()
	p, err := nco.Load(nco.Home(files, prefix), "tivoli_eif.rules", slotToken)
	require.NoError(t, err)
	return p
}

var loop = regexp.MustCompile(`(?s)foreach .*?\n            \}\n`)

// withoutLoop is eifRules with stock rules that leave quotes where they are.
func withoutLoop(t testing.TB, files map[string][]byte, prefix string) *nco.Program {
	t.Helper()
	home := nco.Home(files, prefix)
	stock := home["tivoli_eif.rules"]
	require.Len(t, loop.FindAll(stock.Data, -1), 1)
	stock.Data = loop.ReplaceAll(stock.Data, nil)
	p, err := nco.Load(home, "tivoli_eif.rules", slotToken)
	require.NoError(t, err)
	return p
}

// posted runs the rules on events that the eif bridge sends.
func posted(t testing.TB, p *nco.Program, quoted bool, change func(*eif.Options), events ...bridges.Event) []nco.Row {
	t.Helper()
	rest := stream(t, change, events...)
	var rows []nco.Row
	for range events {
		var tokens map[string]string
		var err error
		tokens, rest, err = nco.EIF(rest, quoted)
		require.NoError(t, err)
		row, err := p.Run(tokens, nil)
		require.NoError(t, err)
		rows = append(rows, row)
	}
	require.Empty(t, rest)
	return rows
}

func TestEIF(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "corp", "")
	rules := eifRules(t, files, "corp")
	for _, c := range []struct {
		rules  *nco.Program
		quoted bool
	}{{rules, false}, {rules, true}, {withoutLoop(t, files, "corp"), true}} {
		events := []bridges.Event{clearing("a1b2"), beatOf("exporter1")}
		for _, s := range probes.Severities() {
			events = append(events, raise("a1b2", s))
		}
		rows := posted(t, c.rules, c.quoted, nil, events...)
		for i, s := range probes.Severities() {
			require.Equal(t, map[string]string{
				"Severity": strconv.Itoa(bridges.ConsoleOf(s).OMNIbus), "Type": "1", "ExpireTime": "0", "Grade": "1",
				"AlertGroup": "CORP Alarm", "AlertKey": "a1b2", "Node": "shop (node1)", "NodeAlias": "exporter1",
				"Manager": "tivoli_eif probe on probehost", "Agent": "IDP_EXPORTER", "Class": "40999",
				"Identifier": "a1b2 CORP Alarm 1 IDP_EXPORTER tivoli_eif probe on probehost",
				// The bridge takes quotes and semicolons away.
				"Summary": "login on shop (node1): step \"token\": größer als 5 s, it`s {late}", "URL": "https://wiki.example/login?a=1&b=2",
				"ExtendedAttr":     `alarm_id="a1b2";probe="login";node="node1";reason="timeout";sequence="17"`,
				"X733SpecificProb": "timeout",
			}, rows[2+i].Fields)
		}
		over, beat := rows[0].Fields, rows[1].Fields
		require.Equal(t, []string{"1", "2", "0", "login on shop (node1) cleared"}, []string{over["Severity"], over["Type"], over["ExpireTime"], over["Summary"]})
		require.Equal(t, []string{"1", "13", "1800", "CORP Heartbeat", "exporter1"}, []string{beat["Severity"], beat["Type"], beat["ExpireTime"], beat["AlertGroup"], beat["AlertKey"]})
	}
	trial := raise("a1b2", probes.Major)
	trial.Test = true
	require.Contains(t, posted(t, rules, true, nil, trial)[0].Fields["Summary"], "TEST: login on ")
	// What comes from elsewhere stays as the stock rules made it.
	other := posted(t, rules, false, func(o *eif.Options) { o.Source = "ANOTHER" }, clearing("a1b2"))[0]
	require.Equal(t, []string{"1", "IDP_Alarm", "6601"}, []string{other.Fields["Type"], other.Fields["AlertGroup"], other.Fields["Class"]})
}

func TestEIFInTheObjectServer(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	rules := eifRules(t, files, "idp")
	lives(t, func(e bridges.Event) nco.Row {
		// The bridge says which exporter sends; the heartbeat of another is another's.
		e.Alarm.Labels = nil
		row := posted(t, rules, true, nil, e)[0]
		if e.Kind == bridges.Heartbeat && e.Alarm.Target == "exporter2" {
			tokens, _, err := nco.EIF(bytes.ReplaceAll(stream(t, nil, e), []byte("exporter1"), []byte("exporter2")), true)
			require.NoError(t, err)
			row, err = rules.Run(tokens, nil)
			require.NoError(t, err)
		}
		return row
	})
}

func TestEIFMutations(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	const file = "eif/idp.include.eif.rules"
	for from, want := range map[string]string{"$alarm_reason": "set nowhere", "@NodeAlias": "no field", "regmatch": "no function", "foreach": "begins no statement", "switch($source)": "is to be"} {
		changed := maps.Clone(files)
		changed[file] = bytes.Replace(files[file], []byte(from), []byte(from+"x"), 1)
		if from == "switch($source)" {
			changed[file] = bytes.Replace(files[file], []byte(from), []byte("switch $source"), 1)
		}
		_, err := nco.Load(nco.Home(changed, "idp"), "tivoli_eif.rules", slotToken)
		require.ErrorContains(t, err, want, from)
	}
}
