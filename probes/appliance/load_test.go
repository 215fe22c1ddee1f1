package appliance

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestOverloads(t *testing.T) {
	t.Parallel()
	p := provider("https://login.example.test/", fetch.Options{})
	nodes := []probes.Node{{Name: "a0-1", Address: "10.0.0.11:443"}, {Name: "a0-2", Address: "10.0.0.12"}}
	load := func(probe string, every time.Duration, config string, on ...probes.Node) Load {
		o := NewOptions(NewBudgets())
		require.NoError(t, yaml.Unmarshal([]byte(config), o))
		return Load{Probe: probe, Provider: p, Nodes: on, Every: every, Options: o}
	}
	for name, c := range map[string]struct {
		loads []Load
		probe string
		path  string
		want  string
	}{
		"none":         {},
		"alone":        {loads: []Load{load("a", 3*time.Second, "{}", nodes...)}},
		"two that fit": {loads: []Load{load("a", 6*time.Second, "{}", nodes...), load("b", 6*time.Second, "{}", nodes[0])}},
		"exactly":      {loads: []Load{load("a", 5500*time.Millisecond, "{}", nodes[0]), load("b", 5500*time.Millisecond, "{}", nodes[0])}},
		"nodes apart":  {loads: []Load{load("a", 3*time.Second, "{}", nodes[0]), load("b", 3*time.Second, "{}", nodes[1])}},
		"too many": {loads: []Load{load("a", 5*time.Second, "{}", nodes...), load("b", 4*time.Second, "{resources: [cpu, db], test: false, testall: false}", nodes...),
			load("c", 4*time.Second, "{}", nodes...)}, probe: "c", path: "every",
			want: "the requests to node 10.0.0.11 (a: 11 every 5s at 4 a second; b: 2 every 4s at 4 a second; c: 11 every 4s at 4 a second) take 1.4 times the time there is: " +
				"these probes take turns, less often than every says; make every that much longer, ask for less, or raise per_second (8 at most)"},
		"many": {loads: slices.Repeat([]Load{load("a", 5*time.Second, "{}", nodes[0])}, 8), probe: "a", path: "every", want: "a: 11 every 5s at 4 a second; and 3 more) take 4.4 times"},
		"one address, two ways": {loads: []Load{load("a", 5*time.Second, "{}", nodes[0]), load("b", 5*time.Second, "{url: 'http://10.0.0.11:9110'}", probes.Node{})},
			probe: "a", path: "every", want: "take 1.1 times"},
		"by the dashboard, too": {loads: []Load{load("a", time.Minute, "{}", nodes...), load("m", time.Minute, "{via: manage, url: 'https://manage.example.test'}", probes.Node{})}},
		"by the dashboard, too often": {loads: []Load{load("a", time.Minute, "{per_second: 8}", nodes...), load("m", time.Minute, "{via: manage, url: 'https://manage.example.test'}", probes.Node{})},
			probe: "m", path: "per_second", want: "asked up to 4 times a second this way and 8 times by its own address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := Overloads(c.loads)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, c.probe, found[0].Probe)
			require.Equal(t, c.path, found[0].Problem.Path)
			require.True(t, found[0].Problem.Warning)
			require.Contains(t, found[0].Problem.Message, c.want)
		})
	}
}
