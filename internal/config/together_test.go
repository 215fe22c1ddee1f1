package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
)

// What only all probes of a node together show, and what only its nodes do.
func TestAppliancesProbesTogether(t *testing.T) {
	t.Parallel()
	const start = "providers:\n  - issuer: https://login.example.com/\n    nodes: [{name: a0-1, address: 10.0.0.11}, {name: a0-2, address: 10.0.0.12}]\nprobes:\n"
	probe := func(name, settings string) string {
		return "  - {name: " + name + `, kind: appliance, key: "${PATH}", nodes: [each], ` + settings + "}\n"
	}
	for name, tt := range map[string]struct{ text, warning, mistake string }{
		"well":           {text: start + probe("a", "every: 6s") + probe("b", "every: 6s, hosts: {a0-1: x, a0-2: y}")},
		"too many":       {text: start + probe("a", "every: 6s") + probe("b", "every: 5s"), warning: "c.yml:6:70: the requests to node 10.0.0.11 (a: 11 every 6s at 4 a second; b: 11 every 5s at 4 a second) take 1.1 times"},
		"hosts":          {text: start + probe("a", "hosts: {a0-3: x}"), mistake: `c.yml:5:71: the probe does not run on "a0-3"; it runs on "a0-1", "a0-2"`},
		"hosts of a url": {text: "probes:\n" + `  - {name: a, kind: appliance, key: "${PATH}", url: "http://10.0.0.11:9110", hosts: {"": a0-1}}` + "\n"},
		"hosts of a url, misplaced": {text: "probes:\n" + `  - {name: a, kind: appliance, key: "${PATH}", url: "http://10.0.0.11:9110", hosts: {a0-1: a0-1}}` + "\n",
			mistake: `the probe does not run on "a0-1"; it runs on ""`},
		"hosts yet to be found": {text: strings.Replace(start, "nodes:", "discover: {file: n.yml}\n    nodes:", 1) + probe("a", "hosts: {a0-3: x}")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse([]byte(tt.text), "c.yml", app.NewKinds())
			if tt.mistake != "" {
				require.ErrorContains(t, err, tt.mistake)
				return
			}
			require.NoError(t, err)
			if tt.warning == "" {
				require.Empty(t, c.Warnings)
				return
			}
			require.Len(t, c.Warnings, 1)
			require.Contains(t, c.Warnings[0].String(), tt.warning)
		})
	}
}
