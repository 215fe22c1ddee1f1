package hostprobe

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// figures are those of a machine that is well, with changes.
type figures struct {
	snap  host.Snapshot
	asked []string
	lease time.Duration
}

func (f *figures) Sample(_ context.Context, lease time.Duration, services ...string) host.Snapshot {
	f.asked, f.lease = services, lease
	return f.snap
}

func well() host.Snapshot {
	inodes := 0.1
	s := host.Snapshot{
		CPU:    &host.CPU{Usage: 0.1, Over: time.Minute, Cores: 2},
		Memory: &host.Memory{Total: 1000 << 20, Available: 500 << 20},
		Swap:   &host.Memory{Total: 100 << 20, Available: 100 << 20},
		Load:   &host.Load{One: 0.5},
		Filesystems: []host.Filesystem{
			{Mountpoint: "/", Used: 0.5, Inodes: &inodes}, {Mountpoint: "/var/backup", Used: 0.7, Inodes: &inodes},
		},
		Clock:    &host.Clock{Synchronized: true},
		Services: map[string]host.Service{"nginx.service": {Active: true, State: "active (running)"}},
	}
	for _, c := range []string{
		host.CollectorCPU, host.CollectorMemory, host.CollectorSwap, host.CollectorLoad, host.CollectorFilesystems, host.CollectorClock, host.CollectorServices,
	} {
		s.Collectors = append(s.Collectors, host.Health{Collector: c, At: time.Now()})
	}
	return s
}

func broken(s *host.Snapshot, collector string, err error) {
	for i := range s.Collectors {
		if s.Collectors[i].Collector == collector {
			s.Collectors[i].Err = err
		}
	}
}

func unseen(s *host.Snapshot, mountpoint string) {
	err := errors.New("it hangs")
	s.UnseenFilesystems = append(s.UnseenFilesystems, host.UnseenFilesystem{Mountpoint: mountpoint, Err: err})
	broken(s, host.CollectorFilesystems, err)
}

// options returns the defaults with what the YAML text changes.
func options(t *testing.T, f Figures, text string) *Options {
	t.Helper()
	o := Kind(f).NewOptions().(*Options)
	require.NoError(t, yaml.Unmarshal([]byte(text), o))
	return o
}

func TestRun(t *testing.T) {
	t.Parallel()
	type want struct {
		outcome probes.Outcome
		step    string
		reason  probes.Reason
		detail  string
	}
	pass := want{outcome: probes.Pass}
	low := func(o probes.Outcome, step, detail string) want {
		return want{o, step, probes.ReasonResourceLow, detail}
	}
	unknown := func(step, detail string) want { return want{probes.Unknown, step, probes.ReasonUnavailable, detail} }
	inodes := 0.95
	for name, c := range map[string]struct {
		config string
		change func(*host.Snapshot)
		want   want
	}{
		"well":              {want: pass},
		"cpu at the limit":  {change: func(s *host.Snapshot) { s.CPU.Usage = 0.8 }, want: low(probes.Fail, "cpu", "20 % of 2 processors were free over 1m0s; it has to be more than 20 %")},
		"cpu just below it": {change: func(s *host.Snapshot) { s.CPU.Usage = 0.799 }, want: pass},
		"cpu warns":         {config: "cpu_free: {warn: 30}", change: func(s *host.Snapshot) { s.CPU.Usage = 0.75 }, want: low(probes.Warn, "cpu", "")},
		"cpu of a moment": {change: func(s *host.Snapshot) { s.CPU.Usage, s.CPU.Over = 1, 5*time.Second },
			want: unknown("cpu", "too short")},
		"a good moment is good":         {change: func(s *host.Snapshot) { s.CPU.Over = time.Second }, want: pass},
		"load is no matter by default":  {change: func(s *host.Snapshot) { s.Load.One = 100 }, want: pass},
		"load":                          {config: "load_per_cpu: {fail: 80}", change: func(s *host.Snapshot) { s.Load.One = 1.7 }, want: low(probes.Fail, "cpu", "85 %")},
		"a warning, and load not known": {config: "{cpu_free: {warn: 95}, load_per_cpu: {fail: 80}}", change: func(s *host.Snapshot) { s.Load = nil }, want: unknown("cpu", "load")},
		"load in order":                 {config: "load_per_cpu: {fail: 80}", change: func(s *host.Snapshot) { s.Load.One = 1.6 }, want: pass},
		"load not known":                {config: "load_per_cpu: {fail: 80}", change: func(s *host.Snapshot) { s.Load = nil }, want: unknown("cpu", "load")},
		"memory at the limit":           {change: func(s *host.Snapshot) { s.Memory.Available = 100 << 20 }, want: low(probes.Fail, "memory", "10.0 % of 1000 MiB")},
		"memory just above it":          {change: func(s *host.Snapshot) { s.Memory.Available = 101 << 20 }, want: pass},
		"swap is no matter by default":  {change: func(s *host.Snapshot) { s.Swap.Available = 0 }, want: pass},
		"swap":                          {config: "swap_used: {warn: 20, fail: 50}", change: func(s *host.Snapshot) { s.Swap.Available = 60 << 20 }, want: low(probes.Warn, "swap", "40.0 %")},
		"no swap":                       {config: "swap_used: {fail: 50}", change: func(s *host.Snapshot) { s.Swap = &host.Memory{} }, want: pass},
		"a volume at the limit":         {change: func(s *host.Snapshot) { s.Filesystems[1].Used = 0.9 }, want: pass},
		"a volume past it":              {change: func(s *host.Snapshot) { s.Filesystems[1].Used = 0.901 }, want: low(probes.Fail, "disk", "/var/backup is 90.1 % full")},
		"inodes":                        {change: func(s *host.Snapshot) { s.Filesystems[0].Inodes = &inodes }, want: low(probes.Fail, "disk", "inodes")},
		"a volume that was left out":    {config: "mountpoints: {exclude: ['^/var/backup$']}", change: func(s *host.Snapshot) { s.Filesystems[1].Used = 1 }, want: pass},
		"a volume that was not picked":  {config: "mountpoints: {include: ['^/$']}", change: func(s *host.Snapshot) { s.Filesystems[1].Used = 1 }, want: pass},
		"no volume was picked":          {config: "mountpoints: {include: ['^/nowhere$']}", want: unknown("disk", "mountpoints")},
		"a full one beside one that hangs": {change: func(s *host.Snapshot) {
			s.Filesystems[0].Used = 0.99
			unseen(s, "/mnt/nas")
		}, want: low(probes.Fail, "disk", "/ is 99.0 % full")},
		"one that hangs": {change: func(s *host.Snapshot) { unseen(s, "/mnt/nas") },
			want: unknown("disk", "could not be looked at: /mnt/nas: it hangs; see to it")},
		"one that hangs, and a warning": {config: "filesystem_used: {warn: 60}", change: func(s *host.Snapshot) { unseen(s, "/mnt/nas") },
			want: unknown("disk", "/mnt/nas")},
		"one that hangs, left out": {config: "mountpoints: {exclude: ['^/mnt/']}", change: func(s *host.Snapshot) { unseen(s, "/mnt/nas") }, want: pass},
		"service":                  {config: "services: [nginx]", want: pass},
		"service is down": {config: "services: [nginx, db.service]", change: func(s *host.Snapshot) { s.Services["db.service"] = host.Service{State: "failed (failed)"} },
			want: want{probes.Fail, "services", probes.ReasonServiceInactive, "db.service is failed (failed)"}},
		"service not known": {config: "services: [nginx, db]", change: func(s *host.Snapshot) { broken(s, host.CollectorServices, errors.New("no bus")) }, want: unknown("services", "no bus")},
		"no systemd":        {config: "services: [nginx]", change: func(s *host.Snapshot) { s.Services = nil; broken(s, host.CollectorServices, errors.New("no bus")) }, want: unknown("services", "no bus")},
		"clock":             {change: func(s *host.Snapshot) { s.Clock.Synchronized = false }, want: want{probes.Warn, "clock", probes.ReasonUnsynchronized, "NTP"}},
		"clock fails":       {config: "clock: fail", change: func(s *host.Snapshot) { s.Clock.Synchronized = false }, want: want{probes.Fail, "clock", probes.ReasonUnsynchronized, "NTP"}},
		"clock off":         {config: "clock: off", change: func(s *host.Snapshot) { s.Clock = nil }, want: pass},
		"clock not told":    {change: func(s *host.Snapshot) { s.Clock = nil; broken(s, host.CollectorClock, host.ErrUnsupported) }, want: pass},
		"clock not told, to fail": {config: "clock: fail", change: func(s *host.Snapshot) {
			s.Clock = nil
			broken(s, host.CollectorClock, errors.New("adjtimex: operation not permitted"))
		}, want: unknown("clock", "whether the clock is synchronized is not known: adjtimex: operation not permitted")},
		"figure not known":      {change: func(s *host.Snapshot) { s.Memory = nil; broken(s, host.CollectorMemory, errors.New("hangs")) }, want: unknown("memory", "hangs")},
		"figure too old":        {change: func(s *host.Snapshot) { s.CPU = nil }, want: unknown("cpu", "too old")},
		"filesystems not known": {change: func(s *host.Snapshot) { s.Filesystems = nil }, want: unknown("disk", "too old")},
		"off but for one": {config: "{cpu_free: {fail: 0}, memory_available: {fail: 0}, filesystem_used: {fail: 0}, inodes_used: {fail: 0}, clock: off, services: [nginx]}",
			change: func(s *host.Snapshot) { *s = host.Snapshot{Services: s.Services} }, want: pass},
		"the gravest counts": {config: "memory_available: {warn: 60}", change: func(s *host.Snapshot) { s.CPU = nil; s.Filesystems[0].Used = 1 },
			want: low(probes.Fail, "disk", "/ is 100.0 % full")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &figures{snap: well()}
			if c.change != nil {
				c.change(&f.snap)
			}
			o := options(t, f, c.config)
			require.Empty(t, o.Check(probes.Setting{}))
			p, err := o.New(probes.Target{Probe: "host", Every: time.Hour})
			require.NoError(t, err)
			r := p.Run(t.Context())
			require.Equal(t, c.want.outcome, r.Outcome, r.Detail)
			require.Equal(t, c.want.step, r.FailedStep)
			require.Equal(t, c.want.reason, r.Reason)
			require.Contains(t, r.Detail, c.want.detail)
			for _, s := range r.Steps {
				require.Contains(t, Kind(f).Steps, s.Name)
			}
			require.Equal(t, 3*time.Hour, f.lease)
		})
	}
}

func TestServicesAreAssertions(t *testing.T) {
	t.Parallel()
	f := &figures{snap: well()}
	f.snap.Services["db.service"] = host.Service{State: "not found"}
	p, err := options(t, f, "services: [nginx, db]").New(probes.Target{Every: time.Second})
	require.NoError(t, err)
	r := p.Run(t.Context())
	require.Equal(t, []probes.Assertion{{Name: "service nginx.service", Pass: true, Detail: "active (running)"}, {Name: "service db.service", Detail: "not found"}}, r.Assertions)
	require.Equal(t, []string{"nginx.service", "db.service"}, f.asked)
	require.Equal(t, minLease, f.lease)
}

func TestRunThatWasCalledOff(t *testing.T) {
	t.Parallel()
	p, err := options(t, &figures{}, "").New(probes.Target{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, probes.Unknown, p.Run(ctx).Outcome)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for text, path := range map[string]string{
		"cpu_free: {fail: 101}":                   "cpu_free.fail",
		"cpu_free: {fail: .nan}":                  "cpu_free.fail",
		"cpu_free: {warn: -1}":                    "cpu_free.warn",
		"cpu_free: {warn: 20, fail: 20}":          "cpu_free.warn",
		"filesystem_used: {warn: 95, fail: 90}":   "filesystem_used.warn",
		"clock: perhaps":                          "clock",
		"mountpoints: {include: ['(']}":           "mountpoints.include[0]",
		"mountpoints: {exclude: ['/', '[']}":      "mountpoints.exclude[1]",
		"services: ['a b']":                       "services[0]",
		"services: [nginx, '']":                   "services[1]",
		"services: ['-rm;reboot.service\n']":      "services[0]",
		"memory_available: {warn: 5, fail: 10.5}": "memory_available.warn",
		"cpu_free: {fail: 0.2}":                   "cpu_free.fail", // a ratio
		"load_per_cpu: {warn: 0.8}":               "load_per_cpu.warn",
		"{cpu_free: {fail: 0}, memory_available: {fail: 0}, filesystem_used: {fail: 0}, inodes_used: {fail: 0}, clock: off}": "",
	} {
		o := options(t, &figures{}, text)
		found := o.Check(probes.Setting{})
		require.Len(t, found, 1, text)
		require.Equal(t, path, found[0].Path)
		require.NotEmpty(t, found[0].Message)
		_, err := o.New(probes.Target{})
		require.Error(t, err, text)
	}
	for _, text := range []string{"", "services: [nginx, a@b.service, x.timer, 'systemd-timesyncd', dotted.name]", "load_per_cpu: {fail: 400}"} {
		require.Empty(t, options(t, &figures{}, text).Check(probes.Setting{}), text)
	}
	many := NewOptions(&figures{})
	for i := range maxServices + 1 {
		many.Services = append(many.Services, fmt.Sprint("s", i))
	}
	require.Len(t, many.Check(probes.Setting{}), 1)
	require.Equal(t, "dotted.name.service", unit("dotted.name"))
	require.Equal(t, "x.timer", unit("x.timer"))
	_, err := NewOptions(&figures{}).New(probes.Target{Node: probes.Node{Name: "n1"}})
	require.Error(t, err)
	_, err = NewOptions(nil).New(probes.Target{})
	require.Error(t, err)
	require.False(t, NewOptions(nil).UsesNodes(probes.Setting{}))
}

// The real machine, end to end: what is configured is what is found.
func TestRealMachine(t *testing.T) {
	t.Parallel()
	s := host.New()
	run := func(text string) probes.Result {
		p, err := options(t, s, text).New(probes.Target{})
		require.NoError(t, err)
		return p.Run(t.Context())
	}
	r := run("{cpu_free: {fail: 0}, memory_available: {fail: 100}, filesystem_used: {fail: 0}, inodes_used: {fail: 0}}")
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, "memory", r.FailedStep)
	require.Equal(t, probes.ReasonResourceLow, r.Reason)
	r = run("{cpu_free: {fail: 0}, memory_available: {fail: 1}, filesystem_used: {fail: 100}, inodes_used: {fail: 100}}")
	require.True(t, r.Outcome.OK(), r.Detail)
}
