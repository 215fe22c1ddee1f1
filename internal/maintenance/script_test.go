package maintenance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The script of docs/maintenance.md updates node after node, and ends in a
// bounded time whatever goes wrong, with the node out of its load balancer.
func TestTheScriptOfTheDocumentation(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	page, err := os.ReadFile("../../docs/maintenance.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 1)
	for name, c := range map[string]struct {
		probe, curl string // what stands in for them does
		fails       string
		calls       []string // of the first node
		nodes       int      // that are updated
	}{
		"well":                    {probe: "exit 0", curl: "exit 0", calls: []string{"drain on --node=n1 --for=1h", "update n1", "probe n1", "drain off --node=n1", "curl n1"}, nodes: 3},
		"a warning":               {probe: "exit 1", curl: "exit 0", calls: []string{"drain on --node=n1 --for=1h", "update n1", "probe n1", "drain off --node=n1", "curl n1"}, nodes: 3},
		"never signs in":          {probe: "exit 2", curl: "exit 0", fails: "n1 cannot sign people in", calls: []string{"drain on --node=n1 --for=1h", "update n1", "probe n1", "drain on --node=n1"}, nodes: 1},
		"cannot be run":           {probe: "exit 3", curl: "exit 0", fails: "n1 cannot sign people in", calls: []string{"drain on --node=n1 --for=1h", "update n1", "probe n1", "drain on --node=n1"}, nodes: 1},
		"the balancer's question": {probe: "exit 0", curl: "exit 22", fails: "n1 does not come back", calls: []string{"drain on --node=n1 --for=1h", "update n1", "probe n1", "drain off --node=n1", "curl n1"}, nodes: 1},
	} {
		// One after the other: a file that a process just started still has open for writing cannot be run.
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for command, does := range map[string]string{
				"idp_exporter": `case "$1" in
probe)
	case "$*" in *--config.file=/*) ;; *) exit 3 ;; esac
	echo "probe ${4#--node=}" >>"$CALLS"; ` + c.probe + ` ;;
*) echo "$*" >>"$CALLS" ;;
esac`,
				"update": `echo "update $1" >>"$CALLS"`,
				"curl":   `for last; do :; done; echo "curl ${last#*node=}" >>"$CALLS"; ` + c.curl,
				"cat":    "echo token", // of the token's file
				"sleep":  ":",
				// Each look at the clock finds it five minutes on.
				"date": `read -r now <"$CLOCK"; now=$((now + 300)); echo $now | tee "$CLOCK"`,
			} {
				require.NoError(t, os.WriteFile(filepath.Join(dir, command), []byte("#!/bin/sh\n"+does+"\n"), 0o700)) //nolint:gosec // it is to be run
			}
			calls, clock := filepath.Join(dir, "calls"), filepath.Join(dir, "clock")
			require.NoError(t, os.WriteFile(clock, []byte("1000\n"), 0o600))
			cmd := exec.CommandContext(t.Context(), shell, "-c", blocks[0][1])
			cmd.Env = []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "CALLS=" + calls, "CLOCK=" + clock}
			out, err := cmd.CombinedOutput()
			if c.fails == "" {
				require.NoError(t, err, "%s", out)
			} else {
				require.Error(t, err)
			}
			require.Contains(t, string(out), c.fails)
			content, err := os.ReadFile(calls)
			require.NoError(t, err)
			var first []string
			for line := range strings.Lines(string(content)) {
				line = strings.TrimSpace(line)
				if strings.Contains(line, "n1") && (len(first) == 0 || first[len(first)-1] != line) {
					first = append(first, line)
				}
			}
			require.Equal(t, c.calls, first)
			require.Equal(t, c.nodes, strings.Count(string(content), "update"))
		})
	}
}
