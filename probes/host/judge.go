package hostprobe

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/probes"
)

func (r *run) cpu() error {
	c := r.host.CPU
	if c == nil {
		return r.unavailable(host.CollectorCPU)
	}
	var f findings
	over := c.Over.Round(time.Second)
	free := 100 * (1 - c.Usage)
	f.low(r.CPUFree, free, fmt.Sprintf("%.0f %% of %g processors were free over %s", free, c.Cores, over))
	if len(f.texts) > 0 && c.Over < host.SettledAfter {
		return probes.Unknownf(probes.ReasonUnavailable, "%.0f %% of the processors were free over %s, which is too short to judge by", free, over)
	}
	if r.LoadPerCPU.set() {
		if r.host.Load == nil {
			return f.or(probes.ReasonResourceLow, r.unavailable(host.CollectorLoad))
		}
		load := 100 * r.host.Load.One / max(c.Cores, 0.01)
		f.high(r.LoadPerCPU, load, fmt.Sprintf("the load of one minute is %.0f %% of the processors", load))
	}
	return f.err(probes.ReasonResourceLow)
}

func (r *run) memory() error {
	m := r.host.Memory
	if m == nil {
		return r.unavailable(host.CollectorMemory)
	}
	var f findings
	part := 100 * m.AvailableRatio()
	f.low(r.MemoryAvailable, part, fmt.Sprintf("%.1f %% of %d MiB memory is available", part, m.Total>>20))
	return f.err(probes.ReasonResourceLow)
}

func (r *run) swap() error {
	m := r.host.Swap
	if m == nil {
		return r.unavailable(host.CollectorSwap)
	}
	if m.Total == 0 {
		return nil // there is none to fill up
	}
	var f findings
	part := 100 * (1 - m.AvailableRatio())
	f.high(r.SwapUsed, part, fmt.Sprintf("%.1f %% of %d MiB swap is used", part, m.Total>>20))
	return f.err(probes.ReasonResourceLow)
}

// disk judges every volume that was picked. One that hangs must not hide one
// that is full, and is not known to be well itself.
func (r *run) disk() error {
	if r.host.Filesystems == nil {
		return r.unavailable(host.CollectorFilesystems)
	}
	var f findings
	looked := 0
	for _, v := range r.host.Filesystems {
		if !r.picked(v.Mountpoint) {
			continue
		}
		looked++
		f.high(r.FilesystemUsed, 100*v.Used, fmt.Sprintf("%s is %.1f %% full", v.Mountpoint, 100*v.Used))
		if v.Inodes != nil {
			f.high(r.InodesUsed, 100**v.Inodes, fmt.Sprintf("%s has %.1f %% of its inodes used", v.Mountpoint, 100**v.Inodes))
		}
	}
	var unseen []string
	for _, v := range r.host.UnseenFilesystems {
		if r.picked(v.Mountpoint) {
			unseen = append(unseen, fmt.Sprintf("%s: %v", v.Mountpoint, v.Err))
		}
	}
	switch {
	case len(unseen) > 0:
		return f.or(probes.ReasonResourceLow, probes.Unknownf(probes.ReasonUnavailable,
			"could not be looked at: %s; see to it, or leave it out by mountpoints.exclude", strings.Join(unseen, "; ")))
	case looked == 0:
		return probes.Unknownf(probes.ReasonUnavailable, "no volume was found to look at; see mountpoints")
	}
	return f.err(probes.ReasonResourceLow)
}

func (r *run) picked(mountpoint string) bool {
	match := func(re *regexp.Regexp) bool { return re.MatchString(mountpoint) }
	return (len(r.include) == 0 || slices.ContainsFunc(r.include, match)) && !slices.ContainsFunc(r.exclude, match)
}

func (r *run) services() error {
	if r.host.Services == nil {
		return r.unavailable(host.CollectorServices)
	}
	var f findings
	unknown := ""
	for _, name := range r.units {
		s, known := r.host.Services[name]
		if !known {
			unknown = cmp.Or(unknown, name)
			continue
		}
		r.Assert("service "+name, s.Active, s.State)
		if !s.Active {
			f.add(probes.Fail, fmt.Sprintf("%s is %s", name, s.State))
		}
	}
	if unknown != "" {
		return f.or(probes.ReasonServiceInactive, probes.Unknownf(probes.ReasonUnavailable,
			"the state of %s is not known: %w", unknown, reasonOf(r.host.Health(host.CollectorServices))))
	}
	return f.err(probes.ReasonServiceInactive)
}

// clock takes a clock of which nothing is known for a gap in what was checked:
// containers and some systems do not tell. Who wants a bad one to fail does not
// want one to pass unseen.
func (r *run) clock() error {
	c := r.host.Clock
	if c == nil {
		why := reasonOf(r.host.Health(host.CollectorClock))
		if r.Clock == ClockFail {
			return probes.Unknownf(probes.ReasonUnavailable, "whether the clock is synchronized is not known: %w", why)
		}
		r.Unverified("whether the clock is synchronized: %v", why)
		return nil
	}
	if c.Synchronized {
		return nil
	}
	f := findings{}
	outcome := probes.Warn
	if r.Clock == ClockFail {
		outcome = probes.Fail
	}
	f.add(outcome, "nothing keeps the system clock right; start an NTP client such as chrony or systemd-timesyncd")
	return f.err(probes.ReasonUnsynchronized)
}
