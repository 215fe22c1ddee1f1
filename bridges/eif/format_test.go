package eif

import (
	"bufio"
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

var at = time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)

func raise(id, text string) bridges.Event {
	return bridges.Event{Kind: bridges.Raise, Sequence: 17, Time: at, Alarm: bridges.Alarm{
		ID: id, Name: "login", Severity: probes.Major, Target: "shop", Text: text, Probe: "http", Reason: "timeout", Raised: at, Changed: at,
	}}
}

func formatter(change func(*Options)) format {
	o := NewOptions()
	o.Servers = []string{"127.0.0.1"}
	if change != nil {
		change(o)
	}
	return newFormat(o, bridges.Setting{Name: "tivoli", Exporter: "exporter1"})
}

const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func TestGolden(t *testing.T) {
	t.Parallel()
	clear := raise("a1b2", "")
	clear.Kind, clear.Alarm.Severity, clear.Alarm.Reason = bridges.Clear, bridges.Cleared, ""
	beat := bridges.Event{Kind: bridges.Heartbeat, Sequence: 18, Time: at, Test: true,
		Alarm: bridges.Alarm{Name: "heartbeat", Text: "exporter1 lives", Severity: bridges.Cleared}}
	for name, c := range map[string]struct {
		event  bridges.Event
		change func(*Options)
		want   string
	}{
		"raise": {raise("a1b2", "timeout after 5 s"), nil, "<START>>" + zeros + "\x00\x00\x01\x58\x00\x00\x00\x24" +
			"IDP_Alarm;source=IDP_EXPORTER;sub_source=http;hostname=shop;severity=CRITICAL;adapter_host=exporter1;alarm_id=a1b2;alarm_state=raise;" +
			"alarm_severity=major;alarm_sequence=17;alarm_time='2026-09-01T10:00:00Z';alarm_raised='2026-09-01T10:00:00Z';alarm_name=login;" +
			"alarm_target=shop;alarm_probe=http;alarm_reason=timeout;msg='timeout after 5 s';END\n\x01"},
		"clear": {clear, func(o *Options) { o.Class, o.Source = "ACME_Alarm", "ACME-PROBE" }, "<START>>" + zeros + "\x00\x00\x01\x33\x00\x00\x00\x24" +
			"ACME_Alarm;source=ACME-PROBE;sub_source=http;hostname=shop;severity=HARMLESS;adapter_host=exporter1;alarm_id=a1b2;alarm_state=clear;" +
			"alarm_severity=cleared;alarm_sequence=17;alarm_time='2026-09-01T10:00:00Z';alarm_raised='2026-09-01T10:00:00Z';alarm_name=login;" +
			"alarm_target=shop;alarm_probe=http;msg='';END\n\x01"},
		"heartbeat": {beat, func(o *Options) { o.ExtraByte, o.Slots = true, map[string]string{"site": "Zürich"} }, "<START>>" + zeros + "\x00\x00\x01\x0f\x00\x00\x00\x24" +
			" IDP_Heartbeat;source=IDP_EXPORTER;hostname=exporter1;severity=HARMLESS;adapter_host=exporter1;alarm_state=heartbeat;" +
			"alarm_severity=cleared;alarm_sequence=18;alarm_time='2026-09-01T10:00:00Z';alarm_name=heartbeat;alarm_test=true;msg='exporter1 lives';site='Zürich';END\n\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := formatter(c.change).event(c.event)
			require.Equal(t, c.want[headerSize:], string(got[headerSize:]))
			require.Equal(t, c.want, string(got))
		})
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	for severity, want := range map[probes.Severity]string{probes.Critical: "CRITICAL", probes.Major: "CRITICAL", probes.Minor: "MINOR",
		probes.Warning: "WARNING", probes.Indeterminate: "UNKNOWN", bridges.Cleared: "HARMLESS", "disaster": "UNKNOWN"} {
		e := raise("a", "")
		e.Alarm.Severity = severity
		require.Contains(t, string(formatter(nil).event(e)), ";severity="+want+";")
	}
}

func TestLatin1(t *testing.T) {
	t.Parallel()
	latin := formatter(func(o *Options) { o.Encoding = encodingLatin1 })
	e := raise("a", "Zürich → Genève €"+strings.Repeat("é", 9000))
	b := latin.event(e)
	require.LessOrEqual(t, len(b), 4096)
	require.Contains(t, string(b), "msg='Z\xfcrich ? Gen\xe8ve ?\xe9")
	require.True(t, bytes.HasSuffix(b, []byte("\xe9...';END\n\x01")), "%q", b[len(b)-20:])
}

// FuzzEvent: whatever an alarm says, the event is one event, of valid size, and
// a strict receiver reads from it what was to be said.
func FuzzEvent(f *testing.F) {
	f.Add("a1b2", "login", "shop", "timeout after 5 s", "http", false, 4096)
	f.Add("a", "it's;END", "a=b;c", "x\n\x01<START>>';END\r\n", "\x00", true, 1500)
	f.Add("a", strings.Repeat("é", 5000), strings.Repeat("'", 5000), strings.Repeat("\xff", 5000), strings.Repeat("\U0001F600", 900), false, 1501)
	f.Fuzz(func(t *testing.T, id, name, target, text, probe string, latin bool, size int) {
		size = minBytes + (size&0xffff)%(maxBytes-minBytes)
		fm := formatter(func(o *Options) {
			o.MaxBytes = size
			o.Slots = map[string]string{"own": text[:min(len(text), 100)]}
			if latin {
				o.Encoding = encodingLatin1
			}
		})
		fm.exporter = name
		e := raise(id, text)
		e.Alarm.Name, e.Alarm.Target, e.Alarm.Probe, e.Alarm.Node, e.Alarm.Reason, e.Alarm.Runbook = name, target, probe, name, probe, target
		b := fm.event(e)
		if len(b) > size {
			t.Fatalf("%d bytes, %d allowed", len(b), size)
		}
		if !latin && !utf8.Valid(b[headerSize:]) {
			t.Fatal("not UTF-8")
		}
		r := bufio.NewReader(bytes.NewReader(b))
		got, err := read(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Buffered() > 0 {
			t.Fatal("more than one event")
		}
		if _, ok := got.slots["msg"]; !ok || got.slots["alarm_state"] != "raise" || got.slots["severity"] != "CRITICAL" {
			t.Fatal(got)
		}
		if plain := bridges.Line(id, maxID); !latin && !strings.ContainsAny(plain, ";'") && got.slots["alarm_id"] != plain {
			t.Fatal(got.slots["alarm_id"])
		}
	})
}
