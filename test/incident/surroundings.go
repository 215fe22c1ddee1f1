package incident

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/collector"
	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/discover"
	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// surroundings are the real collectors of what the story tells.
func (s *site) surroundings() []prometheus.Collector {
	return []prometheus.Collector{
		collector.NewHost(s.host),
		collector.NewPeers(s.peers),
		collector.NewAccess(holders),
		collector.NewAudit(func() audit.Stats {
			requests := uint64(time.Since(s.start) / (20 * time.Second))
			return audit.Stats{Sinks: []audit.SinkStats{{Name: "file", Written: requests + s.audited.Load()}}}
		}),
		collector.NewDiscovery(func() map[string]discover.Status {
			return map[string]discover.Status{provider: {Nodes: 3, LastSuccess: last(30*time.Second, 11*time.Second)}}
		}),
	}
}

// last is the latest time that an interval came round, a little beside the minute.
func last(interval, beside time.Duration) time.Time {
	return time.Now().Add(-beside).Truncate(interval).Add(beside)
}

// busy is how busy the machine is; it works harder while logins are tried in vain.
func busy() float64 {
	load := .18 + .04*wobble("cpu")
	if between(directoryDown, directoryBack) {
		load += .14
	}
	return load
}

func (s *site) host() host.Snapshot {
	const gigabyte = 1 << 30
	inodes := .12
	hours := time.Since(s.start).Hours()
	snapshot := host.Snapshot{
		CPU:    &host.CPU{Usage: busy(), Over: time.Minute, Cores: 2},
		Memory: &host.Memory{Total: 4 * gigabyte, Available: uint64((.61 + .01*wobble("memory")) * 4 * gigabyte)},
		Swap:   &host.Memory{Total: gigabyte, Available: gigabyte - 96<<20},
		Load:   &host.Load{One: 2 * busy(), Five: .44 + .05*math.Sin(hours), Fifteen: .40},
		Filesystems: []host.Filesystem{
			{Mountpoint: "/", Used: .42 + .001*hours, Inodes: &inodes}, {Mountpoint: "/var", Used: .71 + .006*hours, Inodes: &inodes},
		},
		Clock:    &host.Clock{Synchronized: true, MaxError: lasting(12, "clock")},
		Services: map[string]host.Service{"chrony.service": {Active: true}, "idp_exporter.service": {Active: true}},
	}
	for i, name := range []string{host.CollectorClock, host.CollectorCPU, host.CollectorFilesystems, host.CollectorLoad, host.CollectorMemory, host.CollectorServices, host.CollectorSwap} {
		snapshot.Collectors = append(snapshot.Collectors, host.Health{Collector: name, Duration: time.Millisecond, At: last(5*time.Second, time.Duration(i)*700*time.Millisecond)})
	}
	return snapshot
}

// peers has one other exporter, which sees the same a little later.
func (s *site) peers() peers.Verdict {
	self := s.state.Verdict().OK
	v := peers.Verdict{Total: 2, Need: 1, Members: []peers.Member{
		{Name: peers.Self, OK: self, Known: true, At: time.Now()},
		{Name: "exporter-b", OK: !between(directoryDown+1.5, directoryBack+1), Known: true, At: last(5*time.Second, 3*time.Second)},
	}}
	for _, m := range v.Members {
		if m.OK {
			v.Pass++
		}
	}
	v.OK = v.Pass >= v.Need
	return v
}

// holders are those of credentials. Somebody looks for an open door at minute 14.
func holders() access.Stats {
	wrong := uint64(math.Max(0, math.Min(90, (minutes()-14)*30)))
	s := access.Stats{Keys: []access.Use{
		{Kind: access.KindToken, Name: "load-balancer", LastUsed: last(5*time.Second, 2*time.Second), NotAfter: At(0).AddDate(0, 0, 12)},
		{Kind: access.KindToken, Name: "prometheus", LastUsed: last(ScrapeEvery, time.Second), NotAfter: At(0).AddDate(0, 0, 61)},
		{Kind: access.KindUser, Name: "operator"},
	}, Refused: []access.Refusals{{Reason: access.ReasonNone}, {Reason: access.ReasonWrong, Count: wrong}, {Reason: access.ReasonExpired}}}
	if minutes() >= drainFrom {
		s.Keys[2].LastUsed = At(drainFrom)
	}
	if minutes() >= windowFrom {
		s.Keys[2].LastUsed = At(windowFrom)
	}
	return s
}
