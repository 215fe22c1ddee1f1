package syslog

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/syslog"
	"github.com/idp-exporter/idp_exporter/probes"
)

var at = time.Date(2026, 9, 1, 10, 0, 0, 123456789, time.UTC)

func raise(id, text string) bridges.Event {
	return bridges.Event{Kind: bridges.Raise, Sequence: 17, Time: at, Alarm: bridges.Alarm{
		ID: id, Name: "login", Severity: probes.Major, Target: "shop", Text: text, Probe: "http", Reason: "timeout", Raised: at, Changed: at,
	}}
}

func formatter(t testing.TB, change func(*Options)) format {
	o := NewOptions()
	o.Address, o.Hostname = "udp://127.0.0.1", "exporter1.example"
	if change != nil {
		change(o)
	}
	e, err := syslog.ParseEndpoint(o.Address)
	require.NoError(t, err)
	return newFormat(o, e, bridges.Setting{Exporter: "exporter1", BaseOID: "1.3.6.1.4.1.32473.1"})
}

var procid = regexp.MustCompile(`^(<\d+>1 \S+ \S+ \S+ )\d+ `)

func TestGolden(t *testing.T) {
	t.Parallel()
	clear := raise("a1b2", `it is "well" again`)
	clear.Kind, clear.Alarm.Severity, clear.Alarm.Reason, clear.Alarm.Node, clear.Test = bridges.Clear, bridges.Cleared, "", `a]\"b`, true
	beat := bridges.Event{Kind: bridges.Heartbeat, Sequence: 18, Time: at, Alarm: bridges.Alarm{Name: "heartbeat", Text: "Zürich lives", Severity: bridges.Cleared}}
	const head = " 2026-09-01T10:00:00.123456Z exporter1.example idp_exporter PID "
	for name, c := range map[string]struct {
		event  bridges.Event
		change func(*Options)
		want   string
	}{
		"raise": {raise("a1b2", "timeout after 5 s\nno more"), nil, "<26>1" + head + `raise [idpAlarm@32473 id="a1b2" state="raise" severity="major" sequence="17" name="login" ` +
			`target="shop" probe="http" reason="timeout" raised="2026-09-01T10:00:00Z" exporter="exporter1"]` +
			`[alarm resource="shop" probableCause="other" perceivedSeverity="major"] login on shop: timeout after 5 s no more`},
		"clear": {clear, func(o *Options) { o.Facility, o.EnterpriseNumber = "local0", 99 }, "<133>1" + head + `clear [idpAlarm@99 id="a1b2" state="clear" severity="cleared" sequence="17" name="login" ` +
			`target="shop" probe="http" node="a\]\\\"b" raised="2026-09-01T10:00:00Z" exporter="exporter1" test="true"]` +
			`[alarm resource="shop" probableCause="other" perceivedSeverity="cleared"] cleared: login on shop: it is "well" again`},
		"heartbeat": {beat, nil, "<30>1" + head + `heartbeat [idpAlarm@32473 state="heartbeat" severity="cleared" sequence="18" name="heartbeat" exporter="exporter1"] ` +
			"\ufeffheartbeat: Zürich lives"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, procid.ReplaceAllString(string(formatter(t, c.change).message(c.event)), "${1}PID "))
		})
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	for severity, want := range map[probes.Severity]int{probes.Critical: 1, probes.Major: 2, probes.Minor: 3, probes.Warning: 4,
		probes.Indeterminate: 5, bridges.Cleared: 5, "disaster": 5} {
		e := raise("a", "")
		e.Alarm.Severity = severity
		require.Contains(t, string(formatter(t, nil).message(e)), "<"+strconv.Itoa(3*8+want)+">1 ")
	}
}

// message is RFC 5424, section 6: HEADER, STRUCTURED-DATA, MSG.
var message = regexp.MustCompile(`(?s)^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) (\d{1,128}) ([!-~]{1,32}) ` +
	`((?:\[[!#-<>-\\^-~]{1,32}(?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])+) (.*)$`)

func FuzzMessage(f *testing.F) {
	f.Add("a1b2", "login", "shop", "timeout after 5 s", 2048, 0)
	f.Add("a", "it's \"]\\", "a=b;c", "x\n\x00\x01\r\n", 1024, 1)
	f.Add(strings.Repeat("]", 64), strings.Repeat("\"", 5000), strings.Repeat("\\", 5000), strings.Repeat("\xff", 5000), 1024, 2)
	f.Fuzz(func(t *testing.T, id, name, target, text string, size, framing int) {
		size = minBytes + (size&0xffff)%(maxDatagram-minBytes)
		fm := formatter(t, func(o *Options) {
			o.MaxBytes, o.Hostname, o.AppName = size, strings.Repeat("h", 255), strings.Repeat("a", 48)
			if framing&3 > 0 {
				o.Address = "tcp://a:1"
			}
			if framing&3 == 1 {
				o.Framing = framingNewline
			}
		})
		fm.exporter = name
		e := raise(id, text)
		e.Test = true
		e.Alarm.Name, e.Alarm.Target, e.Alarm.Probe, e.Alarm.Node, e.Alarm.Reason, e.Alarm.Runbook = name, target, name, name, target, target
		b := fm.message(e)
		switch fm.framing {
		case framingNewline:
			if bytes.Count(b, []byte("\n")) != 1 || b[len(b)-1] != '\n' {
				t.Fatalf("%q", b)
			}
			b = b[:len(b)-1]
		case framingOctets:
			length, rest, _ := bytes.Cut(b, []byte(" "))
			if string(length) != strconv.Itoa(len(rest)) {
				t.Fatalf("%q", b)
			}
			b = rest
		}
		parts := message.FindSubmatch(b)
		if len(b) > size || !utf8.Valid(b) || parts == nil {
			t.Fatalf("%d: %q", len(b), b)
		}
		for _, c := range b {
			if c < ' ' {
				t.Fatalf("%q", b)
			}
		}
		if msg := string(parts[8]); !isASCII(msg) && !strings.HasPrefix(msg, syslog.BOM) {
			t.Fatalf("no BOM: %q", msg)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for path, change := range map[string]func(*Options){
		"address":           func(o *Options) { o.Address = "relp://a" },
		"framing":           func(o *Options) { o.Framing = framingNewline },
		"facility":          func(o *Options) { o.Facility = "local9" },
		"app_name":          func(o *Options) { o.AppName = "a b" },
		"hostname":          func(o *Options) { o.Hostname = "é" },
		"enterprise_number": func(o *Options) { o.EnterpriseNumber = -1 },
		"max_bytes":         func(o *Options) { o.MaxBytes = 480 },
		"timeout":           func(o *Options) { o.Timeout = time.Hour },
		"tls":               func(o *Options) { o.TLS.CAFile = "missing.pem" },
	} {
		o := NewOptions()
		o.Address = "tls://log.example.com"
		require.Empty(t, o.Check(bridges.Setting{}))
		change(o)
		problems := o.Check(bridges.Setting{})
		require.Len(t, problems, 1, path)
		require.Equal(t, path, problems[0].Path)
		_, err := o.New(bridges.Setting{})
		require.ErrorContains(t, err, path)
	}
	o := NewOptions()
	o.Address, o.TLS = "udp://a", fetch.TLS{ServerName: "a"}
	require.Equal(t, "tls", o.Check(bridges.Setting{})[0].Path)
	for oid, want := range map[string]int{"1.3.6.1.4.1.99.7": 99, ".1.3.6.1.4.1.98": 98, "1.3.6.1.2.1": 32473, "": 32473} {
		require.Equal(t, want, o.number(bridges.Setting{BaseOID: oid}))
	}
}
