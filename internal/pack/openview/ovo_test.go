package openview

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
	"github.com/idp-exporter/idp_exporter/probes"
)

// asRegexp turns a pattern into an expression as an agent takes it: without ^
// and $ it matches anywhere, and <*> is anything, as little as will do.
func asRegexp(p string) *regexp.Regexp {
	start, p, anchored := "", strings.TrimPrefix(p, "^"), strings.HasPrefix(p, "^")
	if anchored {
		start = "^"
	}
	p, end := strings.CutSuffix(p, "$")
	var parts []string
	for _, part := range strings.Split(p, "<*>") {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	return regexp.MustCompile("(?s)" + start + strings.Join(parts, ".*?") + map[bool]string{true: "$"}[end])
}

// message is what the first condition that matches makes of a trap; nil if none
// does.
func message(conditions []trapCondition, tokens map[string]string) map[string]string {
next:
	for _, c := range conditions {
		for name, want := range c.when {
			got := tokens[strings.TrimPrefix(name, "$")]
			if _, err := strconv.Atoi(name[1:]); err == nil && !asRegexp(want).MatchString(got) || err != nil && got != want {
				continue next
			}
		}
		out := map[string]string{}
		for keyword, text := range c.set {
			out[keyword] = inserted.ReplaceAllStringFunc(text, func(v string) string { return tokens[strings.Trim(v, "<$>")] })
		}
		return out
	}
	return nil
}

// browser keeps the messages that nobody has acknowledged.
type browser []map[string]string

func (b *browser) take(m map[string]string) {
	relation := asRegexp(m["MSGKEYRELATION"])
	*b = slices.DeleteFunc(*b, func(old map[string]string) bool { return relation.MatchString(old["MSGKEY"]) })
	*b = append(*b, m)
}

func raise(id string, s probes.Severity) bridges.Event {
	now := time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)
	return bridges.Event{Kind: bridges.Raise, Sequence: 17, Time: now, Alarm: bridges.Alarm{
		ID: id, Name: "login", Severity: s, Target: "shop (n1)", Text: `step "token": größer <als> 5 s [$1]`, Probe: "login", Node: "n1", Raised: now, Changed: now,
	}}
}

func other(id string, kind bridges.EventKind) bridges.Event {
	e := raise(id, bridges.Cleared)
	e.Kind = kind
	if kind == bridges.Heartbeat {
		e.Alarm = bridges.Alarm{Name: "heartbeat", Severity: bridges.Cleared, Target: "exporter1", Text: "idp_exporter is alive"}
	}
	return e
}

// trapped returns the variables that the interceptor has for what the snmp
// bridge sends, in the terms of v1 (RFC 3584, section 3.1).
func trapped(t testing.TB, version, oid string, e bridges.Event) map[string]string {
	t.Helper()
	l, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	destinations, err := (&snmp.Options{Destinations: []snmp.Destination{{Address: l.LocalAddr().String(), Version: version}}}).
		New(bridges.Setting{Name: "ovo", Exporter: "exporter1", BaseOID: oid, Start: time.Now()})
	require.NoError(t, err)
	require.NoError(t, destinations[0].Deliverer.Deliver(t.Context(), e))
	require.NoError(t, destinations[0].Deliverer.Close())
	b := make([]byte, 1<<16)
	require.NoError(t, l.SetReadDeadline(time.Now().Add(30*time.Second)))
	n, _, err := l.ReadFrom(b)
	require.NoError(t, err)
	tokens, err := nco.Trap(b[:n], "127.0.0.1")
	require.NoError(t, err)
	tokens["e"], tokens["G"], tokens["S"] = tokens["enterprise"], tokens["generic-trap"], tokens["specific-trap"]
	if notify, ok := tokens["notify"]; ok {
		enterprise, specific, found := strings.Cut(notify, ".0.")
		require.True(t, found)
		tokens["e"], tokens["G"], tokens["S"] = enterprise, "6", specific
	}
	return tokens
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	const oid = "1.3.6.1.4.1.9999.5.7"
	site, files := made(t, oid, "corp", "")
	conditions, err := parseTemplate(string(files["ovo/corp-trap.tmpl"]), len(site.MIB.Carried()))
	require.NoError(t, err)
	for _, version := range []string{"v1", "v2c"} {
		for _, s := range append(probes.Severities(), "disaster") {
			word := s
			if s == "disaster" {
				word = probes.Indeterminate
			}
			require.Equal(t, map[string]string{
				"SEVERITY": severity{word, bridges.ConsoleOf(s)}.OVO(), "APPLICATION": "idp_exporter", "MSGGRP": "Login", "OBJECT": "shop (n1)",
				"MSGKEY": "corp:a1b2:" + string(word), "MSGKEYRELATION": "^corp:a1b2:<*>$", "TEXT": `login on shop (n1): step "token": größer <als> 5 s [$1]`,
			}, message(conditions, trapped(t, version, oid, raise("a1b2", s))), s)
		}
		over := message(conditions, trapped(t, version, oid, other("a1b2", bridges.Clear)))
		require.Equal(t, []string{"Normal", "corp:a1b2:cleared", "login on shop (n1) cleared"}, []string{over["SEVERITY"], over["MSGKEY"], over["TEXT"]})
		beat := message(conditions, trapped(t, version, oid, other("", bridges.Heartbeat)))
		require.Equal(t, []string{"Normal", "corp:heartbeat:exporter1", "idp_exporter is alive (exporter1)"}, []string{beat["SEVERITY"], beat["MSGKEY"], beat["TEXT"]})
	}
	// A severity of the MIB that no condition names is shown all the same.
	strange := trapped(t, "v1", oid, raise("a1b2", probes.Major))
	strange["3"] = "9"
	require.Equal(t, "Unknown", message(conditions, strange)["SEVERITY"])
	strange["e"] = ".1.3.6.1.4.1.9999.5.8"
	require.Nil(t, message(conditions, strange), "another's trap is none of ours")
}

// One message of each alarm stands, with its latest severity.
func TestMessagesAcknowledgeEachOther(t *testing.T) {
	t.Parallel()
	site, files := made(t, "", "", "")
	conditions, err := parseTemplate(string(files["ovo/idp-trap.tmpl"]), len(site.MIB.Carried()))
	require.NoError(t, err)
	var b browser
	keys := func() (all []string) {
		for _, m := range b {
			all = append(all, m["MSGKEY"])
		}
		return all
	}
	tell := func(e bridges.Event) { b.take(message(conditions, trapped(t, "v2c", "", e))) }
	tell(raise("a1", probes.Warning))
	tell(raise("a12", probes.Major))
	tell(raise("1", probes.Major)) // ends as another does
	tell(raise("a1", probes.Critical))
	tell(raise("a1", probes.Critical))
	require.Equal(t, []string{"idp:a12:major", "idp:1:major", "idp:a1:critical"}, keys())
	tell(other("a1", bridges.Clear))
	tell(other("", bridges.Heartbeat))
	tell(other("", bridges.Heartbeat))
	require.Equal(t, []string{"idp:a12:major", "idp:1:major", "idp:a1:cleared", "idp:heartbeat:exporter1"}, keys())
	tell(raise("a1", probes.Minor))
	require.Equal(t, []string{"idp:a12:major", "idp:1:major", "idp:heartbeat:exporter1", "idp:a1:minor"}, keys())
}

func TestTemplateMutations(t *testing.T) {
	t.Parallel()
	site, files := made(t, "", "", "")
	variables := len(site.MIB.Carried())
	text := string(files["ovo/idp-trap.tmpl"])
	first := regexp.MustCompile(`CONDITION_ID "([^"]+)"`).FindAllStringSubmatch(text, 2)
	for _, c := range [][3]string{
		{"SYNTAX_VERSION 5", "SYNTAX_VERSION 4", "SYNTAX_VERSION is to be"},
		{"MSGCONDITIONS", "CONDITIONS", "MSGCONDITIONS is to be"},
		{first[0][1], first[1][1], "twice"},
		{first[0][1], "1", "no id"},
		{"$G 6", "$G 7", "no such condition"},
		{"$S 1", "$S one", "no such condition"},
		{"$G 6\n", "", "has no $G"},
		{`$3 "^3$"`, `$3 3`, "no such condition"},
		{`"^idp:<$1>:<*>$"`, `"idp:<$1>:<*>"`, "matches anywhere"},
		{"idp:<$1>:critical", "idp:<$12>:critical", "no trap carries"},
		{"<$2> on", "<*.name> on", "no variable"},
		{"<$2> on", "<*> on", "no variable"},
		{"SEVERITY Critical", "SEVERITY Fatal", "SEVERITY is to be"},
		{"MSGKEYRELATION ACK", "MSGKEYRELATION", "MSGKEYRELATION is to be"},
		{"    SET\n", "", "SET is to be"},
		{"MSGGRP", "MSGGROUP", "MSGGRP is to be"},
	} {
		require.Contains(t, text, c[0])
		_, err := parseTemplate(strings.Replace(text, c[0], c[1], 1), variables)
		require.ErrorContains(t, err, c[2], c[1])
	}
	// The same again, of another site, has other ids; of the same, the same.
	_, again := made(t, "", "", "https://wiki.example.com/")
	require.Equal(t, text, string(again["ovo/idp-trap.tmpl"]))
	_, foreign := made(t, "1.3.6.1.4.1.9999.1", "", "")
	require.NotContains(t, string(foreign["ovo/idp-trap.tmpl"]), first[0][1])
}
