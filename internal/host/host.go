// Package host takes the figures of the machine that the exporter runs on, in
// the background, so that whoever asks for them reads memory only: CPU over the
// last minute, memory, swap, load, filesystems, whether the clock is
// synchronized, and the state of system services.
//
// Inside a container the figures are those of the container: the limits of its
// control groups take the place of the machine's (see limits.go).
//
// It owns how figures are taken and when they are too old to be told. What they
// are compared with belongs to probes/host and internal/status, how they are
// shown to collector.
package host

import (
	"errors"
	"maps"
	"slices"
	"time"
)

// The thresholds of the identity appliance, as ratios from 0 to 1. They are what
// this project uses where nobody says otherwise.
const (
	// MinCPUFree is the part of the CPU capacity that has to be more than this
	// free over the last minute.
	MinCPUFree = 0.20
	// MinMemoryAvailable is the part of the memory of which more than this has to be available.
	MinMemoryAvailable = 0.10
	// MaxVolumeUsed is the part of a volume that may be used.
	MaxVolumeUsed = 0.90
)

// SettledAfter is the span from which on the CPU figure speaks for more than a
// passing moment, such as the exporter's own start.
const SettledAfter = 30 * time.Second

// The names of the collectors.
const (
	CollectorCPU         = "cpu"
	CollectorMemory      = "memory"
	CollectorSwap        = "swap"
	CollectorLoad        = "load"
	CollectorFilesystems = "filesystems"
	CollectorClock       = "clock"
	CollectorServices    = "services"
)

// ErrUnsupported says that the operating system does not tell a figure.
var ErrUnsupported = errors.New("this operating system does not tell it")

// Snapshot is what is known of the machine. A figure that is not known, or too
// old to be told, is nil. Nothing changes a snapshot once it was handed out.
type Snapshot struct {
	CPU         *CPU
	Memory      *Memory
	Swap        *Memory
	Load        *Load
	Filesystems []Filesystem // sorted by mountpoint; nil while not known
	// UnseenFilesystems are those that could not be looked at when Filesystems
	// were, such as one that hangs.
	UnseenFilesystems []UnseenFilesystem
	Clock             *Clock
	// Services are the services somebody asked for, by name; nil while not known.
	Services map[string]Service
	// Collectors tell how taking the figures went, sorted by name.
	Collectors []Health
}

// CPU is how busy the processors are.
type CPU struct {
	// Usage is the used part of the capacity over the span Over, from 0 to 1.
	// Waiting for disks is no use.
	Usage float64
	Over  time.Duration
	// Cores is the capacity in processors; a quota may make it a fraction.
	Cores float64
	// Limited tells that the capacity is that of the container.
	Limited bool
}

// Memory is room in main memory or in swap, in bytes.
type Memory struct {
	Total, Available uint64
	// Limited tells that the total is that of the container.
	Limited bool
}

// AvailableRatio returns the available part, from 0 to 1; 0 of nothing.
func (m Memory) AvailableRatio() float64 {
	if m.Total == 0 {
		return 0
	}
	return float64(min(m.Available, m.Total)) / float64(m.Total)
}

// Load is the average number of runnable tasks over 1, 5 and 15 minutes. It is
// the machine's, also inside a container.
type Load struct{ One, Five, Fifteen float64 }

// Filesystem is one mounted volume.
type Filesystem struct {
	Mountpoint, Type string
	// Used is the used part of what users without privileges can use, from 0 to 1.
	Used float64
	// Inodes is the used part of the inodes, nil where their number is not fixed.
	Inodes *float64
}

// UnseenFilesystem is a mounted volume of which nothing is known, and why.
type UnseenFilesystem struct {
	Mountpoint string
	Err        error
}

// Clock is the state of the system clock.
type Clock struct {
	// Synchronized tells that something keeps it right, such as an NTP client.
	Synchronized bool
	// MaxError is the kernel's bound on how far it is off.
	MaxError time.Duration
}

// Service is the state of a system service.
type Service struct {
	// Active tells that it runs.
	Active bool
	// State says how it is, such as "active (running)" or "not found".
	State string
}

// Health is how the last attempt to take a figure went.
type Health struct {
	Collector string
	// Err is nil after a success. ErrUnsupported is among the errors it may wrap.
	Err error
	// Duration is how long the last attempt took that came to an end.
	Duration time.Duration
	// At is when the figure was last taken with success, zero if it never was.
	At time.Time
}

// Health returns how the named collector fares.
func (s Snapshot) Health(collector string) Health {
	i := slices.IndexFunc(s.Collectors, func(h Health) bool { return h.Collector == collector })
	if i < 0 {
		return Health{Collector: collector, Err: errNotYet}
	}
	return s.Collectors[i]
}

// ServiceNames lists the services of the snapshot, sorted.
func (s Snapshot) ServiceNames() []string { return slices.Sorted(maps.Keys(s.Services)) }

var errNotYet = errors.New("it was not taken yet")
