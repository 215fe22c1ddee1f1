package status

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestSource(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{})
	key := func(probe, node string) state.Key { return state.Key{Probe: probe, Node: node} }
	keys := []state.Key{key("smtp", ""), key("ping", "a"), key("ping", "b"), key("db", ""), key("late", ""), key("odd@name", "")}
	specs := make([]state.Spec, 0, len(keys))
	for _, k := range keys {
		specs = append(specs, state.Spec{Key: k, Every: time.Hour, FailAfter: 2, PassAfter: 1})
	}
	st.Configure(specs, state.Options{})
	record := func(probe, node string, o probes.Outcome) {
		st.Record(key(probe, node), probes.Result{Outcome: o, Start: time.Now()})
	}
	record("smtp", "", probes.Pass)
	record("ping", "a", probes.Warn)
	record("ping", "b", probes.Fail)
	record("db", "", probes.Pass)
	record("odd@name", "", probes.Pass)
	c := &Config{
		Email: []string{"smtp"}, Network: []string{"ping"}, Internet: []string{"ping@a"}, DB: []string{"db", "smtp"},
		ReplicaSet: []string{"late"}, Services: []string{"ping@gone"}, CPU: []string{"odd@name"},
	}
	require.Empty(t, c.Check([]string{"smtp", "ping", "db", "late", "odd@name"}))
	s := NewSource(c, keys, st.Entry, nil)
	for resource, want := range map[string]Answer{
		"email":      Good,
		"network":    Bad,  // on one of its nodes
		"internet":   Good, // a warning passes, and the other node is not asked
		"db":         Good,
		"replicaset": Bad, // never run: not earned
		"services":   Bad, // the probe does not run there
		"cpu":        Good,
		"memory":     NotCovered,
		"none":       NotCovered,
	} {
		require.Equal(t, want, s(resource), resource)
	}
	record("smtp", "", probes.Fail)
	require.Equal(t, Good, s("email"), "the damped verdict counts")
	record("smtp", "", probes.Fail)
	require.Equal(t, Bad, s("email"))
	require.Equal(t, Bad, s("db"), "all of them have to pass")
}

func TestSourceOfTheMachine(t *testing.T) {
	t.Parallel()
	well := func() host.Snapshot {
		return host.Snapshot{
			CPU: &host.CPU{Usage: 0.79, Over: time.Minute}, Memory: &host.Memory{Total: 1000, Available: 101},
			Filesystems: []host.Filesystem{{Used: 0.9}, {Used: 0.1}}, Collectors: []host.Health{{Collector: host.CollectorFilesystems}},
		}
	}
	for name, c := range map[string]struct {
		change            func(*host.Snapshot)
		cpu, memory, disk Answer
	}{
		"well":                {func(*host.Snapshot) {}, Good, Good, Good},
		"cpu at the limit":    {func(s *host.Snapshot) { s.CPU.Usage = 0.8 }, Bad, Good, Good},
		"cpu of a moment":     {func(s *host.Snapshot) { s.CPU.Usage, s.CPU.Over = 1, host.SettledAfter-time.Second }, Good, Good, Good},
		"cpu of long enough":  {func(s *host.Snapshot) { s.CPU.Usage, s.CPU.Over = 1, host.SettledAfter }, Bad, Good, Good},
		"memory at it":        {func(s *host.Snapshot) { s.Memory.Available = 100 }, Good, Bad, Good},
		"a volume past it":    {func(s *host.Snapshot) { s.Filesystems[1].Used = 0.91 }, Good, Good, Bad},
		"a volume that hangs": {func(s *host.Snapshot) { s.Collectors[0].Err = errors.New("/x hangs") }, Good, Good, Bad},
		"nothing is known":    {func(s *host.Snapshot) { *s = host.Snapshot{} }, Bad, Bad, Bad},
	} {
		snap := well()
		c.change(&snap)
		s := NewSource(nil, nil, nil, func() host.Snapshot { return snap })
		require.Equal(t, c.cpu, s(CPU), name)
		require.Equal(t, c.memory, s(Memory), name)
		require.Equal(t, c.disk, s(Disk), name)
		require.Equal(t, NotCovered, s("network"), name)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	known := []string{"a", "b@c"}
	for path, c := range map[string]*Config{
		"":            {Host: "a0-1", DB: []string{"a", "b@c", "a@n1"}},
		"host":        {Host: "a\r\nb"},
		"email[0]":    {Email: []string{"c"}},
		"network[1]":  {Network: []string{"a", "a"}},
		"services[0]": {Services: []string{"c@a"}},
	} {
		found := c.Check(known)
		if path == "" {
			require.Empty(t, found)
			continue
		}
		require.Len(t, found, 1, path)
		require.Equal(t, path, found[0].Path)
	}
}
