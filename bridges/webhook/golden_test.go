package webhook

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

var update = flag.Bool("update", false, "write the golden files anew")

func render(t testing.TB, o *Options, e bridges.Event) ([]byte, map[string][]string) {
	t.Helper()
	f, err := o.format()
	require.NoError(t, err)
	m, err := o.message(setting, f, e)
	require.NoError(t, err)
	body, header, err := f.body(m)
	require.NoError(t, err)
	return body, header
}

// TestGolden: each template's three events, as they are sent.
func TestGolden(t *testing.T) {
	t.Parallel()
	one := raise("a1b2", "timeout after 5 s")
	for _, name := range builtins() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := optionsFor(name, "https://receiver.example")
			require.Empty(t, withoutWarnings(o.Check(setting)))
			var all bytes.Buffer
			for _, e := range []bridges.Event{one, clear(one), heartbeat()} {
				if f, _ := o.format(); e.Kind == bridges.Heartbeat && !o.heartbeat(f) {
					continue
				}
				body, _ := render(t, o, e)
				again, _ := render(t, o, e)
				require.Equal(t, body, again, "a retry repeats it")
				all.WriteString("--- " + string(e.Kind) + "\n")
				all.Write(body)
				all.WriteByte('\n')
			}
			path := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(path, all.Bytes(), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), all.String())
		})
	}
}

func withoutWarnings(all []probes.Problem) []probes.Problem {
	var errs []probes.Problem
	for _, p := range all {
		if !p.Warning {
			errs = append(errs, p)
		}
	}
	return errs
}

// wellFormed reads a body whole, as its receiver would.
func wellFormed(t testing.TB, template string, body []byte) {
	t.Helper()
	if !utf8.Valid(body) {
		t.Fatalf("%s: not UTF-8", template)
	}
	if template != "obm" {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("%s: %v in %q", template, err, body)
		}
		return
	}
	for d := xml.NewDecoder(bytes.NewReader(body)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %q", err, body)
		}
	}
}

// TestNasty: whatever an alarm says, the body is well formed, and within the
// bounds of its receiver.
func TestNasty(t *testing.T) {
	t.Parallel()
	limits := map[string]int{"alertmanager": 64 << 10, "obm": 16 << 10, "servicenow": 64 << 10, "pagerduty": 512 << 10, "cloudevents": 64 << 10, "slack": 60 << 10, "teams": 28 << 10}
	for _, text := range []string{"", `"`, "a\nb\r\n\tc\x00\x01\x7f", "\xff\xfe\xc3(", "]]></title>&amp;<script>", `\u0000 \`, "\ufeff\ufffe\U0001F600\u2028", strings.Repeat("é", 500_000), strings.Repeat("\x00", 1<<20), strings.Repeat("<&\"", 300_000)} {
		e := raise(text, text)
		e.Alarm.Name, e.Alarm.Target, e.Alarm.Probe, e.Alarm.Node, e.Alarm.Reason, e.Alarm.Runbook = text, text, text, text, text, text
		e.Alarm.ID = bridges.Line(text, 64)
		e.Alarm.Severity = probes.Severity(bridges.Line(text, 30))
		e.Alarm.Labels = map[string]string{text: text, "x": text}
		for _, name := range builtins() {
			for _, event := range []bridges.Event{e, clear(e), heartbeat()} {
				body, header := render(t, optionsFor(name, ""), event)
				wellFormed(t, name, body)
				require.LessOrEqual(t, len(body), limits[name], name)
				require.Empty(t, header)
			}
		}
	}
}

func TestManyLabels(t *testing.T) {
	t.Parallel()
	e := raise("a", "b")
	for i := range 10_000 {
		e.Alarm.Labels[strings.Repeat("l", i%200)+string(rune('a'+i%26))+strings.Repeat("m", i/100)] = strings.Repeat("v", 3000)
	}
	for _, name := range builtins() {
		body, _ := render(t, optionsFor(name, ""), e)
		wellFormed(t, name, body)
		require.Less(t, len(body), 200<<10, name)
	}
	var records struct{ Records []serviceNowEvent }
	body, _ := render(t, optionsFor("servicenow", ""), e)
	require.NoError(t, json.Unmarshal(body, &records))
	require.LessOrEqual(t, len(records.Records[0].AdditionalInfo), 4000)
	require.True(t, json.Valid([]byte(records.Records[0].AdditionalInfo)))
}

func TestPagerDutyBounds(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 5000)
	e := raise(strings.Repeat("x", 64), long)
	e.Alarm.Name, e.Alarm.Target = long, long
	o := optionsFor("pagerduty", "")
	o.Values = map[string]string{"key_prefix": long[:1000]}
	body, _ := render(t, o, e)
	var got struct {
		Dedup   string `json:"dedup_key"`
		Payload struct{ Summary, Severity string }
	}
	require.NoError(t, json.Unmarshal(body, &got))
	require.LessOrEqual(t, len(got.Dedup), 255)
	require.LessOrEqual(t, len(got.Payload.Summary), 1024)
	require.Equal(t, "error", got.Payload.Severity)
}

// TestChatsTakeNoMarkup: an alert can neither mention a channel nor dress up a link.
func TestChatsTakeNoMarkup(t *testing.T) {
	t.Parallel()
	e := raise("a", "<!channel> <https://evil.example|our wiki> & more")
	e.Alarm.Name, e.Alarm.Runbook = "<!here>", "javascript:alert(1)"
	body, _ := render(t, optionsFor("slack", ""), e)
	require.Contains(t, string(body), "&lt;!channel&gt; &lt;https://evil.example|our wiki&gt; &amp; more")
	require.NotContains(t, string(body), "javascript")
	e.Alarm.Runbook = "https://evil.example/|<!channel>"
	body, _ = render(t, optionsFor("slack", ""), e)
	var got struct {
		Text        string
		Attachments []struct {
			Blocks []struct{ Text struct{ Type, Text string } }
		}
	}
	require.NoError(t, json.Unmarshal(body, &got))
	require.NotContains(t, got.Text, "<")
	for _, b := range got.Attachments[0].Blocks {
		if b.Text.Type == "mrkdwn" {
			require.NotContains(t, b.Text.Text, "<!")
		}
	}
	body, _ = render(t, optionsFor("teams", ""), e)
	require.NotContains(t, string(body), `"TextBlock"`)
}

func TestCloudEventsModes(t *testing.T) {
	t.Parallel()
	o := optionsFor("cloudevents", "https://receiver.example")
	o.Values = map[string]string{"mode": "binary", "source": `/é "x"%`}
	body, header := render(t, o, raise("a1b2", "text"))
	require.Equal(t, map[string][]string{"Content-Type": {"application/json"}, "Ce-Specversion": {"1.0"}, "Ce-Id": {"a1b2-17"},
		"Ce-Source": {"/%C3%A9%20%22x%22%25"}, "Ce-Type": {"com.github.idp-exporter.alarm.raised"}, "Ce-Subject": {"a1b2"}, "Ce-Time": {"2026-09-01T10:01:00Z"}}, header)
	require.NotContains(t, string(body), "specversion")
	o.Values = map[string]string{"mode": "batch"}
	body, header = render(t, o, raise("a1b2", "text"))
	require.True(t, bytes.HasPrefix(body, []byte("[{")))
	require.Equal(t, []string{"application/cloudevents-batch+json; charset=UTF-8"}, header["Content-Type"])
	m := message{setting: bridges.Setting{Exporter: "a b\"é"}, format: cloudEventsFormat()}
	require.Equal(t, "urn:idp_exporter:a-b--", m.source())
}

func TestSeverityWords(t *testing.T) {
	t.Parallel()
	for template, words := range map[string]map[probes.Severity]string{
		"alertmanager": {probes.Critical: "critical", probes.Major: "major", probes.Minor: "minor", probes.Warning: "warning", probes.Indeterminate: "indeterminate", "odd": "indeterminate"},
		"obm":          {probes.Critical: "critical", probes.Major: "major", probes.Minor: "minor", probes.Warning: "warning", probes.Indeterminate: "unknown", "odd": "unknown", bridges.Cleared: "normal"},
		"servicenow":   {probes.Critical: "1", probes.Major: "2", probes.Minor: "3", probes.Warning: "4", probes.Indeterminate: "5", bridges.Cleared: "0"},
		"pagerduty":    {probes.Critical: "critical", probes.Major: "error", probes.Minor: "warning", probes.Warning: "warning", probes.Indeterminate: "info"},
	} {
		for severity, want := range words {
			o := optionsFor(template, "")
			e := raise("a", "")
			e.Alarm.Severity = severity
			f, err := o.format()
			require.NoError(t, err)
			m, err := o.message(setting, f, e)
			require.NoError(t, err)
			require.Equal(t, want, m.word, "%s %s", template, severity)
			o.Severities = map[probes.Severity]string{severity: "own"}
			m, err = o.message(setting, f, e)
			require.NoError(t, err)
			if severity != "odd" {
				require.Equal(t, "own", m.word)
			}
		}
	}
}

// FuzzTemplates: no input breaks a built-in template.
func FuzzTemplates(f *testing.F) {
	f.Add("a1b2", "login", "shop", "text", "https://wiki.example", "job", "value")
	f.Add("\xff", "\"", "<&>", "\x00\n", "javascript:x", "", "\u2028")
	f.Fuzz(func(t *testing.T, id, name, target, text, runbook, label, value string) {
		e := raise(id, text)
		e.Alarm.Name, e.Alarm.Target, e.Alarm.Runbook, e.Alarm.Reason, e.Alarm.Labels = name, target, runbook, value, map[string]string{label: value}
		for _, template := range builtins() {
			for _, event := range []bridges.Event{e, clear(e)} {
				body, _ := render(t, optionsFor(template, ""), event)
				wellFormed(t, template, body)
			}
		}
	})
}
