package webhook

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

func own(body string) *Options {
	o := NewOptions()
	o.Body, o.URL = body, NewURL("https://receiver.example/x")
	return o
}

func TestOwnTemplate(t *testing.T) {
	t.Parallel()
	o := own(`{"id": {{json .ID}}, "text": {{json .Text}}, "level": {{.Console.OMNIbus}}, "word": {{json .Word}}, "site": {{json .Site}},
 "over": {{eq .Kind "clear"}}, "at": {{json (time .Raised)}}, "short": {{json (cut 6 .Text)}}, "team": {{json .Values.team}},
 "labels": { {{- $first := true}}{{range $k, $v := .Labels}}{{if not $first}},{{end}}{{json $k}}: {{json $v}}{{$first = false}}{{end -}} } }`)
	o.Values = map[string]string{"team": "a\"b"}
	o.Severities = map[probes.Severity]string{probes.Major: "P2"}
	require.Empty(t, o.Check(setting))
	body, _ := render(t, o, raise("a1b2", "two \"lines\"\nhere"))
	var got map[string]any
	require.NoError(t, json.Unmarshal(body, &got))
	require.Equal(t, map[string]any{"id": "a1b2", "text": "two \"lines\"\nhere", "level": 4.0, "word": "P2", "site": setting.Site, "over": false,
		"at": "2026-09-01T10:00:00Z", "short": "two" + "…", "team": "a\"b", "labels": map[string]any{"team": "identity"}}, got)

	o = own("{{.Kind}} {{.Text}}")
	o.ContentType = "text/plain; charset=utf-8"
	require.Empty(t, o.Check(setting))
}

// TestOwnTemplateIsTried: what would fail at night fails when it is loaded.
func TestOwnTemplateIsTried(t *testing.T) {
	t.Parallel()
	for body, says := range map[string]string{
		`{"text": "{{.Text}}"}`:                               "did not make JSON",
		`{{json .Missing}}`:                                   "Missing",
		`{"a": {{.Alarm}}}`:                                   "Alarm",
		`{{if}}`:                                              "missing value",
		`{{define "x"}}{{end}}{}`:                             "not available",
		`{{template "body" .}}`:                               "not available",
		`{{range 1000000000}}{{end}}{}`:                       "a loop can go over",
		`{{range $i, $c := .Text}}{{end}}{}`:                  "a loop can go over",
		`{{with .}}{{range .Site}}{{end}}{{end}}`:             "a loop can go over",
		`{{range .Labels}}{{range $.Labels}}{{end}}{{end}}{}`: "within another",
		`{{if .ID}}{{else}}{{range (index .Labels "x")}}{{end}}{{end}}1`:                  "a loop can go over",
		`{{printf "%1000000d" 1}}`:                                                        "widths",
		`{{printf "%*d" 10000000 1}}`:                                                     "widths",
		`{{$a := "aaaaaaaaaa"}}` + strings.Repeat(`{{$a = print $a $a}}`, 60) + `1`:       "a text of more than",
		`{{$a := "\\\\"}}` + strings.Repeat(`{{$a = json $a}}`, 60) + `1`:                 "a text of more than",
		`{{range .Labels}}` + strings.Repeat(`{{printf "%0999d" 1}}`, 2500) + `{{end}}`:   "more than",
		`{{$a := print .Text}}` + strings.Repeat(`{{$a = printf "%999d" 1}}`, 2000) + `1`: "",
	} {
		began := time.Now()
		problems := own(body).Check(setting)
		require.Less(t, time.Since(began), 30*time.Second)
		if says == "" {
			require.Empty(t, problems)
			continue
		}
		require.Len(t, problems, 1, body)
		require.Equal(t, "body", problems[0].Path)
		require.Contains(t, problems[0].Message, says)
	}
	o := own(`{"a": {{json .Text}}}`)
	o.MaxBytes = minBody
	d := open(t, o)
	err := deliver(t, d, raise("a", strings.Repeat("x", 5000)))
	require.True(t, bridges.IsPermanent(err))
	require.ErrorContains(t, err, "max_bytes")
}

func FuzzOwnTemplate(f *testing.F) {
	f.Add(`{"id": {{json .ID}}}`, "text")
	f.Add(`{{range $k, $v := .Labels}}{{json $k}}{{end}}`, "\xff")
	f.Add(`{{printf "%s %d" .Text .Sequence | json}}`, "\"")
	f.Fuzz(func(t *testing.T, body, text string) {
		o := own(body)
		format, err := o.format()
		if err != nil {
			return
		}
		m, err := o.message(setting, format, raise("a", text))
		if err != nil {
			t.Fatal(err)
		}
		if b, _, err := format.body(m); err == nil && (!json.Valid(b) || len(b) > o.MaxBytes) {
			t.Fatalf("%q makes %q", body, b)
		}
	})
}
