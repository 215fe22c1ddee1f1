package tcp

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

// Whoever reads that a dialog failed wants to know where it got to.
func TestADialogTellsWhatWasHeard(t *testing.T) {
	t.Parallel()
	const password = "hunter22-of-the-test"
	login := []Turn{{Expect: "^220 "}, {Secret: secret.New(password)}, {Expect: "^250 "}}
	for _, c := range []struct {
		name   string
		script []string
		turns  []Turn
		want   probes.Reason
		detail string
	}{
		{"nothing", []string{"..."}, login, probes.ReasonTimeout, `turn 1 of the dialog: nothing came that matches "^220 "; the server sent nothing: `},
		{"one line", []string{"421 busy", "..."}, login, probes.ReasonTimeout, `turn 1 of the dialog: nothing came that matches "^220 "; the server sent 1 line, "421 busy": `},
		{"a third turn", []string{"220 hi", "<h", "a", "b", "..."}, login, probes.ReasonTimeout, `turn 3 of the dialog: nothing came that matches "^250 "; the server sent 2 lines, the last "b": `},
		{"the secret", []string{"220 hi", "<h", password + " what?", "..."}, login, probes.ReasonTimeout, `the server sent 1 line, "<secret> what?"`},
		{"much", []string{strings.Repeat("x", 1000), "..."}, login, probes.ReasonTimeout, `"` + strings.Repeat("x", 200) + `…": `},
		{"the end", []string{"421 busy"}, login, probes.ReasonAnswerMismatch, `turn 1 of the dialog: the server ended the connection, and nothing came that matches "^220 "; the server sent 1 line, "421 busy"`},
		{"the end at once", nil, login, probes.ReasonAnswerMismatch, `the server sent nothing`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := probetest.Run(t, options(probetest.Script(t, c.script...), says(c.turns...)), probes.Target{}, time.Second)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Contains(t, got.Detail, c.detail)
			require.NotContains(t, got.Detail, password)
		})
	}
	got := probetest.Run(t, options(probetest.Say(t, []byte("hello\r\nlogin: ")), says(Turn{Expect: "login"})), probes.Target{}, time.Second)
	require.Equal(t, probes.ReasonTimeout, got.Reason, got.Detail)
	require.Contains(t, got.Detail, `2 lines, the last "login: ", which has no end: `)
	got = probetest.Run(t, options(probetest.Endless(t, password+"\n"), says(login[1:]...)), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonTooLarge, got.Reason, got.Detail)
	require.Contains(t, got.Detail, `the last "<secret>": `)
	require.NotContains(t, got.Detail, `hunt`)
	got = probetest.Run(t, options(probetest.Reset(t), says(Turn{Send: "a"}, Turn{Expect: "x"})), probes.Target{}, probetest.Limit)
	require.Equal(t, probes.ReasonConnect, got.Reason, got.Detail)
	require.Contains(t, got.Detail, "turn 2 of the dialog: ")
}
