package tivoli

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/webhook"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func busRules(t testing.TB, files map[string][]byte, prefix string) *nco.Program {
	t.Helper()
	p, err := nco.Load(nco.Home(files, prefix), "message_bus_"+prefix+".rules", nco.AlertToken)
	require.NoError(t, err)
	return p
}

// request is what the webhook bridge sends for an event.
func request(t testing.TB, path string, e bridges.Event) (string, []byte) {
	t.Helper()
	var at string
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at = r.URL.Path
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent) // as version 2 of the transport does unless it is told otherwise
	}))
	defer server.Close()
	o, ok := webhook.Kind().NewOptions().(*webhook.Options)
	require.True(t, ok)
	o.Template, o.URL = "alertmanager", webhook.URL{Secret: secret.New(server.URL + path)}
	s := setting("")
	if e.Kind == bridges.Heartbeat {
		s.Exporter = e.Alarm.Target
	}
	deliver(t, o, s, e)
	return at, body
}

// hooked runs the rules on the request for an event.
func hooked(t testing.TB, files map[string][]byte, prefix string, e bridges.Event) nco.Row {
	t.Helper()
	parser, err := nco.ReadParser(files["messagebus/"+prefix+"_parser.json"])
	require.NoError(t, err)
	at, body := request(t, parser.EventSources[0].Endpoint, e)
	messages, err := parser.Messages(at, body)
	require.NoError(t, err)
	require.Len(t, messages, 1)
	row, err := busRules(t, files, prefix).Run(messages[0], nil)
	require.NoError(t, err)
	return row
}

func TestMessageBus(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "corp", "")
	for _, s := range probes.Severities() {
		require.Equal(t, map[string]string{
			"Severity": strconv.Itoa(bridges.ConsoleOf(s).OMNIbus), "Type": "1", "ExpireTime": "0",
			"AlertGroup": "CORP Alarm", "AlertKey": "a1b2", "Node": "shop (node1)", "NodeAlias": "exporter1",
			"Manager": "Message Bus Probe on probehost", "Agent": "idp_exporter", "Class": "40999",
			"Identifier": "a1b2 CORP Alarm 1 idp_exporter Message Bus Probe on probehost",
			"Summary":    `login on shop (node1): step "token": größer als 5 s; it's {late}`, "URL": "https://wiki.example/login?a=1&b=2",
			"ExtendedAttr":     `alarm_id="a1b2";probe="login";node="node1";reason="timeout"`,
			"X733SpecificProb": "timeout",
		}, hooked(t, files, "corp", raise("a1b2", s)).Fields)
	}
	over, beat := hooked(t, files, "corp", clearing("a1b2")).Fields, hooked(t, files, "corp", beatOf("exporter1")).Fields
	require.Equal(t, []string{"1", "2", "0", "login on shop (node1) cleared"}, []string{over["Severity"], over["Type"], over["ExpireTime"], over["Summary"]})
	require.Equal(t, []string{"1", "13", "1800", "CORP Heartbeat", "exporter1"}, []string{beat["Severity"], beat["Type"], beat["ExpireTime"], beat["AlertGroup"], beat["AlertKey"]})
	trial := raise("a1b2", probes.Major)
	trial.Test = true
	require.Contains(t, hooked(t, files, "corp", trial).Fields["Summary"], "TEST: login on ")
}

func TestMessageBusInTheObjectServer(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	lives(t, func(e bridges.Event) nco.Row { return hooked(t, files, "idp", e) })
}

// Two alerts in one webhook of Alertmanager itself, one of them resolved.
const fromAlertmanager = `{"version":"4","groupKey":"{}","truncatedAlerts":0,"status":"firing","receiver":"omnibus","groupLabels":{},"commonLabels":{},
"commonAnnotations":{},"externalURL":"http://alertmanager","alerts":[
{"status":"firing","labels":{"alertname":"IdPNodeOut","job":"idp","node":"n1","severity":"Page"},"annotations":{"summary":"n1 is out"},
 "startsAt":"2026-09-01T10:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://prometheus/g","fingerprint":"9f2d7c1a00b3e4f5"},
{"status":"resolved","labels":{"alertname":"IdPNodeOut","job":"idp","severity":"never heard of"},"annotations":{},
 "startsAt":"2026-09-01T10:00:00Z","endsAt":"2026-09-01T11:00:00Z","generatorURL":"http://prometheus/g","fingerprint":"9f2d7c1a00b3e4f6"}]}`

func TestAlertmanagerItself(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	parser, err := nco.ReadParser(files["messagebus/idp_parser.json"])
	require.NoError(t, err)
	messages, err := parser.Messages("/probe/webhook/idp", []byte(fromAlertmanager))
	require.NoError(t, err)
	require.Len(t, messages, 2)
	rules := busRules(t, files, "idp")
	row, err := rules.Run(messages[0], nil)
	require.NoError(t, err)
	require.Equal(t, []string{"5", "1", "9f2d7c1a00b3e4f5", "n1", "IdPNodeOut on n1: n1 is out"},
		[]string{row.Fields["Severity"], row.Fields["Type"], row.Fields["AlertKey"], row.Fields["Node"], row.Fields["Summary"]})
	row, err = rules.Run(messages[1], nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2", "9f2d7c1a00b3e4f6", "idp"}, []string{row.Fields["Severity"], row.Fields["Type"], row.Fields["AlertKey"], row.Fields["Node"]})
	messages[1]["status"] = "firing"
	row, err = rules.Run(messages[1], nil)
	require.NoError(t, err)
	require.Equal(t, []string{"1", "1"}, []string{row.Fields["Severity"], row.Fields["Type"]}, "a severity that is no word is indeterminate")
	_, err = parser.Messages("/elsewhere", []byte(fromAlertmanager))
	require.Error(t, err)
	// What the probe says of itself is none of ours.
	row, err = rules.Run(nil, map[string]string{"Manager": "ProbeWatch", "Summary": "Going Down ...", "Agent": "message_bus"})
	require.NoError(t, err)
	require.Equal(t, "5", row.Fields["Severity"])
}

var property = regexp.MustCompile(`^(\w+)\s*: '([^']+)'$`)

// The properties name the files of the pack, and the same place in all.
func TestMessageBusProperties(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "corp", "")
	values := map[string]string{}
	for line := range strings.Lines(string(files["messagebus/message_bus_corp.props"])) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			m := property.FindStringSubmatch(line)
			require.NotNil(t, m, line)
			values[m[1]] = m[2]
		}
	}
	require.Equal(t, "Webhook", values["TransportType"])
	require.Contains(t, string(files["messagebus/message_bus_corp.props"]), "\n# Host : 'localhost'\n# Port : 9080\n")
	for _, key := range []string{"TransportFile", "TransformerFile", "RulesFile"} {
		require.Contains(t, files, "messagebus/"+values[key][strings.LastIndex(values[key], "/")+1:], key)
	}
	parser, err := nco.ReadParser(files["messagebus/corp_parser.json"])
	require.NoError(t, err)
	require.Contains(t, string(files["messagebus/corpWebhookTransport.properties"]), "\nwebhookURI=http://localhost:9080"+parser.EventSources[0].Endpoint+"\n")
	require.Contains(t, string(files["README.md"]), `url: "http://omnibus.example.com:9080`+parser.EventSources[0].Endpoint+`"`)
}

func TestMessageBusMutations(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	const file = "messagebus/message_bus_idp.rules"
	for from, want := range map[string]string{"$(annotations.reason)": "set nowhere", "@URL": "no field", "lower(": "no function", "IdpWords": "no table"} {
		changed := maps.Clone(files)
		to := map[string]string{"$(annotations.reason)": "$(annotation.reason)", "@URL": "@Url", "lower(": "lowercase(", "IdpWords": "IdpWordz"}[from]
		i := bytes.LastIndex(files[file], []byte(from))
		changed[file] = append(append(bytes.Clone(files[file][:i]), to...), files[file][i+len(from):]...)
		_, err := nco.Load(nco.Home(changed, "idp"), "message_bus_idp.rules", nco.AlertToken)
		require.ErrorContains(t, err, want, from)
	}
	_, err := nco.ReadParser(bytes.Replace(files["messagebus/idp_parser.json"], []byte("messageDepth"), []byte("messageDepht"), 1))
	require.ErrorContains(t, err, "messageDepht")
}
