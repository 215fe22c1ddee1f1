package collector

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestHost(t *testing.T) {
	t.Parallel()
	inodes := 0.25
	snap := host.Snapshot{
		CPU:    &host.CPU{Usage: 0.5, Over: time.Minute, Cores: 1.5, Limited: true},
		Memory: &host.Memory{Total: 1000, Available: 100},
		Swap:   &host.Memory{Total: 10, Available: 5},
		Load:   &host.Load{One: 1, Five: 2, Fifteen: 3},
		Filesystems: []host.Filesystem{
			{Mountpoint: "/", Used: 0.91, Inodes: &inodes}, {Mountpoint: "/b \"c\"\n", Used: 0.1}, {Mountpoint: "/", Used: 0.2},
		},
		Clock:    &host.Clock{Synchronized: true, MaxError: 250 * time.Millisecond},
		Services: map[string]host.Service{"a.service": {Active: true}, "b.service": {}},
		Collectors: []host.Health{
			{Collector: "clock", Err: fmt.Errorf("here: %w", host.ErrUnsupported)},
			{Collector: "cpu", At: noon, Duration: time.Second},
			{Collector: "memory", Err: errors.New("hangs")},
		},
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(NewHost(func() host.Snapshot { return snap }))
	require.NoError(t, testutil.GatherAndCompare(r, strings.NewReader(`
# HELP idp_host_cpu_usage_ratio Used part of the processors' capacity over the last minute, 0 to 1; the container's where it has a limit.
# TYPE idp_host_cpu_usage_ratio gauge
idp_host_cpu_usage_ratio 0.5
# HELP idp_host_memory_available_ratio Available part of the memory, 0 to 1.
# TYPE idp_host_memory_available_ratio gauge
idp_host_memory_available_ratio 0.1
# HELP idp_host_filesystem_used_ratio Used part of the volume, 0 to 1, as df counts.
# TYPE idp_host_filesystem_used_ratio gauge
idp_host_filesystem_used_ratio{mountpoint="/"} 0.91
idp_host_filesystem_used_ratio{mountpoint="/b \"c\"\n"} 0.1
# HELP idp_host_filesystem_inodes_used_ratio Used part of the volume's inodes, 0 to 1; absent where their number is not fixed.
# TYPE idp_host_filesystem_inodes_used_ratio gauge
idp_host_filesystem_inodes_used_ratio{mountpoint="/"} 0.25
# HELP idp_host_service_active Whether the system service is active, of those that probes name.
# TYPE idp_host_service_active gauge
idp_host_service_active{service="a.service"} 1
idp_host_service_active{service="b.service"} 0
# HELP idp_host_limited 1 where a container's limit stands for the machine's.
# TYPE idp_host_limited gauge
idp_host_limited{resource="cpu"} 1
idp_host_limited{resource="memory"} 0
idp_host_limited{resource="swap"} 0
# HELP idp_host_collector_success Whether the last attempt to take the figure succeeded; absent where this operating system does not tell it.
# TYPE idp_host_collector_success gauge
idp_host_collector_success{collector="cpu"} 1
idp_host_collector_success{collector="memory"} 0
`), "idp_host_cpu_usage_ratio", "idp_host_memory_available_ratio", "idp_host_filesystem_used_ratio", "idp_host_filesystem_inodes_used_ratio",
		"idp_host_service_active", "idp_host_limited", "idp_host_collector_success"))
	problems, err := testutil.GatherAndLint(r)
	require.NoError(t, err)
	require.Empty(t, problems)

	n, err := testutil.GatherAndCount(r, "idp_host_collector_last_success_timestamp_seconds")
	require.NoError(t, err)
	require.Equal(t, 1, n)

	snap = host.Snapshot{}
	all, err := r.Gather()
	require.NoError(t, err)
	require.Empty(t, all, "what is not known is absent")
}

// Nothing of the machine is looked at by a scrape: /metrics answers at once
// before the first figure was taken, and carries them once they were.
func TestHostInAScrape(t *testing.T) {
	t.Parallel()
	s := host.New()
	m, _ := filled(false)
	m.Registry().MustRegister(NewHost(s.Snapshot))
	scrape := func() string {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		require.Equal(t, http.StatusOK, w.Code)
		return w.Body.String()
	}
	before := scrape()
	require.Contains(t, before, `idp_host_collector_success{collector="memory"} 0`)
	require.NotContains(t, before, "idp_host_memory_available_ratio")
	require.Contains(t, before, "idp_probe_info")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	require.Eventually(t, func() bool { return strings.Contains(scrape(), "idp_host_cpu_usage_ratio ") }, time.Minute, 10*time.Millisecond)
	require.Contains(t, scrape(), `idp_host_collector_success{collector="memory"} 1`)
	cancel()
	require.NoError(t, <-done)
}

func TestAppliance(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{})
	m := New(st, Options{})
	codes := map[string]map[string]int{
		"a0-1": {"cpu": 204, "disk": 520, "email": 429, "db": 401}, "a0-2": {"cpu": 520}, "a0-3": nil,
	}
	specs := []state.Spec{{Key: state.Key{Probe: "other"}}}
	for node := range codes {
		specs = append(specs, state.Spec{Key: state.Key{Probe: "appliance", Node: node}})
	}
	st.Configure(specs, state.Options{})
	for node, list := range codes {
		st.Record(state.Key{Probe: "appliance", Node: node}, probes.Result{Facts: probes.Facts{ResourceStatus: list}})
	}
	require.NoError(t, testutil.GatherAndCompare(m, strings.NewReader(`
# HELP idp_appliance_status The appliance's resource: 1 well (204), 0 warning (520); absent where the last run did not learn it.
# TYPE idp_appliance_status gauge
idp_appliance_status{node="a0-1",probe="appliance",resource="cpu"} 1
idp_appliance_status{node="a0-1",probe="appliance",resource="disk"} 0
idp_appliance_status{node="a0-2",probe="appliance",resource="cpu"} 0
# HELP idp_appliance_status_code HTTP status code that the resource answered in the last run; 429 is a node that is asked too often.
# TYPE idp_appliance_status_code gauge
idp_appliance_status_code{node="a0-1",probe="appliance",resource="cpu"} 204
idp_appliance_status_code{node="a0-1",probe="appliance",resource="db"} 401
idp_appliance_status_code{node="a0-1",probe="appliance",resource="disk"} 520
idp_appliance_status_code{node="a0-1",probe="appliance",resource="email"} 429
idp_appliance_status_code{node="a0-2",probe="appliance",resource="cpu"} 520
`), "idp_appliance_status", "idp_appliance_status_code"))
	problems, err := testutil.GatherAndLint(m)
	require.NoError(t, err)
	require.Empty(t, problems)
}
