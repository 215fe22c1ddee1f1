package hostprobe

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Options are the settings of one probe of this kind. Parts are given in per
// cent; a level of 0 is never passed, and one between 0 and 1 is a mistake.
type Options struct {
	// CPUFree is what is free of the processors' capacity over the last minute:
	// no more than a level passes it.
	CPUFree Levels `yaml:"cpu_free"`
	// LoadPerCPU is the load average of one minute divided by the number of
	// processors, times 100; more than a level passes it.
	LoadPerCPU Levels `yaml:"load_per_cpu"`
	// MemoryAvailable is what is available of the memory: no more than a level passes it.
	MemoryAvailable Levels `yaml:"memory_available"`
	// SwapUsed is the used part of the swap; more than a level passes it.
	SwapUsed Levels `yaml:"swap_used"`
	// FilesystemUsed and InodesUsed are the used parts of each volume; more than
	// a level passes them.
	FilesystemUsed Levels `yaml:"filesystem_used"`
	InodesUsed     Levels `yaml:"inodes_used"`
	// Mountpoints picks the volumes.
	Mountpoints Pick `yaml:"mountpoints"`
	// Services are systemd units that have to be active; ".service" may be left out.
	Services []string `yaml:"services"`
	// Clock says what a clock that nothing keeps right makes of a run: ClockFail,
	// ClockWarn or ClockOff.
	Clock string `yaml:"clock"`

	figures Figures
}

// The choices of Options.Clock.
const (
	ClockFail = "fail"
	ClockWarn = "warn"
	ClockOff  = "off"
)

// Levels are thresholds in per cent.
type Levels struct {
	Warn float64 `yaml:"warn"`
	Fail float64 `yaml:"fail"`
}

func (l Levels) set() bool { return l.Warn > 0 || l.Fail > 0 }

// Pick picks mountpoints by regular expressions (RE2) that match anywhere in
// them: those that Include matches, if there is any, without those that Exclude matches.
type Pick struct {
	Include []string `yaml:"include"`
	Exclude []string `yaml:"exclude"`
}

// maxServices bounds the services of one probe, and so its metrics.
const maxServices = 100

// Check implements probes.Options.
func (o *Options) Check(probes.Setting) []probes.Problem {
	var found []probes.Problem
	wrong := func(path, format string, args ...any) {
		found = append(found, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	for _, l := range []struct {
		name   string
		levels Levels
		low    bool
		most   float64
	}{
		{"cpu_free", o.CPUFree, true, 100}, {"load_per_cpu", o.LoadPerCPU, false, 100_000}, {"memory_available", o.MemoryAvailable, true, 100},
		{"swap_used", o.SwapUsed, false, 100}, {"filesystem_used", o.FilesystemUsed, false, 100}, {"inodes_used", o.InodesUsed, false, 100},
	} {
		for key, v := range map[string]float64{".warn": l.levels.Warn, ".fail": l.levels.Fail} {
			switch {
			case !(v >= 0 && v <= l.most): // not a number is neither
				wrong(l.name+key, "%v is out of range; write per cent from 0 (off) to %v", v, l.most)
			case v > 0 && v < 1: // one meant as a ratio would hardly ever be passed, or always
				wrong(l.name+key, "%v looks like a ratio, and levels are per cent; write %.6g, or 0 for off", v, 100*v)
			}
		}
		if w, f := l.levels.Warn, l.levels.Fail; w > 0 && f > 0 && (l.low && w <= f || !l.low && w >= f) {
			wrong(l.name+".warn", "%v is not reached before fail, at %v; a warning comes first", w, f)
		}
	}
	if !o.CPUFree.set() && !o.LoadPerCPU.set() && !o.MemoryAvailable.set() && !o.SwapUsed.set() && !o.FilesystemUsed.set() && !o.InodesUsed.set() &&
		len(o.Services) == 0 && o.Clock == ClockOff {
		wrong("", "everything is off, so there is nothing to look at; set a level, services or clock")
	}
	if !slices.Contains([]string{ClockFail, ClockWarn, ClockOff}, o.Clock) {
		wrong("clock", "%q is no choice; write %s, %s or %s", o.Clock, ClockFail, ClockWarn, ClockOff)
	}
	for path, list := range map[string][]string{"mountpoints.include": o.Mountpoints.Include, "mountpoints.exclude": o.Mountpoints.Exclude} {
		for i, text := range list {
			if _, err := regexp.Compile(text); err != nil {
				wrong(fmt.Sprintf("%s[%d]", path, i), "%v; patterns are written as RE2 takes them", err)
			}
		}
	}
	if len(o.Services) > maxServices {
		wrong("services", "%d are too many; name %d at most", len(o.Services), maxServices)
	}
	for i, s := range o.Services {
		if !unitName.MatchString(unit(s)) {
			wrong(fmt.Sprintf("services[%d]", i), "%.80q is no name of a systemd unit; write one such as nginx or nginx.service", s)
		}
	}
	slices.SortFunc(found, func(a, b probes.Problem) int { return strings.Compare(a.Path, b.Path) })
	return found
}

// UsesNodes implements probes.NodeAware: there is but one machine of our own.
func (o *Options) UsesNodes(probes.Setting) bool { return false }

// unitName is what systemd.unit(5) allows in names, templates without their
// instance left out.
var unitName = regexp.MustCompile(`^[A-Za-z0-9:_.\\-]{1,200}(@[A-Za-z0-9:_.\\@-]{1,200})?\.(service|socket|target|mount|timer|path|device|swap|automount|slice|scope)$`)

// unit returns the whole name of a unit.
func unit(name string) string {
	if strings.Contains(name, ".") && unitName.MatchString(name) {
		return name
	}
	return name + ".service"
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	for _, p := range o.Check(probes.Setting{}) {
		if !p.Warning {
			return nil, fmt.Errorf("probe %s: %s: %s", t.Probe, p.Path, p.Message)
		}
	}
	if o.figures == nil {
		return nil, errors.New("kind host was made without figures of the machine")
	}
	if t.Node.Name != "" {
		return nil, fmt.Errorf("probe %s: it looks at the exporter's own machine, not at node %s; leave nodes out", t.Probe, t.Node.Name)
	}
	p := &probe{Options: o, every: t.Every}
	for _, s := range o.Services {
		p.units = append(p.units, unit(s))
	}
	for _, text := range o.Mountpoints.Include {
		p.include = append(p.include, regexp.MustCompile(text))
	}
	for _, text := range o.Mountpoints.Exclude {
		p.exclude = append(p.exclude, regexp.MustCompile(text))
	}
	return p, nil
}
