// Package hostprobe is the probe kind `host`: the figures of the machine that
// the exporter runs on, compared with thresholds.
//
// It owns thresholds and what it means to pass them. Taking the figures belongs
// to internal/host, showing them to collector.
package hostprobe

import (
	"context"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The steps of a run. What no setting asks for is not reported.
const (
	stepCPU      = "cpu"
	stepMemory   = "memory"
	stepSwap     = "swap"
	stepDisk     = "disk"
	stepServices = "services"
	stepClock    = "clock"
)

// Figures are where the figures of the machine come from: a [host.Sampler].
type Figures interface {
	// Sample returns the figures, with those of the named services among them,
	// which are to be looked after for as long as lease says.
	Sample(ctx context.Context, lease time.Duration, services ...string) host.Snapshot
}

// Kind returns the kind `host`, of the machine that the figures are of.
func Kind(figures Figures) probes.Kind {
	return probes.Kind{
		Name:       "host",
		Summary:    "Compares CPU, memory, swap, disks, services and clock of the exporter's own machine with thresholds.",
		Steps:      []string{stepCPU, stepMemory, stepSwap, stepDisk, stepServices, stepClock},
		NewOptions: func() probes.Options { return NewOptions(figures) },
	}
}

// NewOptions returns the kind's defaults: the identity appliance's own thresholds.
func NewOptions(figures Figures) *Options {
	return &Options{
		CPUFree:         Levels{Fail: 100 * host.MinCPUFree},
		MemoryAvailable: Levels{Fail: 100 * host.MinMemoryAvailable},
		FilesystemUsed:  Levels{Fail: 100 * host.MaxVolumeUsed},
		InodesUsed:      Levels{Fail: 100 * host.MaxVolumeUsed},
		Clock:           ClockWarn,
		figures:         figures,
	}
}
