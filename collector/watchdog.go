package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/watchdog"
)

// Watchdog shows the exporter's own health.
type Watchdog struct {
	watchdog                       *watchdog.Watchdog
	disks                          []*watchdog.Disk
	healthy, freeBytes, freeInodes desc
}

// NewWatchdog returns the metrics of a watchdog and of the disks among its parts.
func NewWatchdog(w *watchdog.Watchdog, disks ...*watchdog.Disk) *Watchdog {
	return &Watchdog{
		watchdog:   w,
		disks:      disks,
		healthy:    gauge("idp_exporter_part_healthy", "Whether the part of the exporter does its work.", "part"),
		freeBytes:  gauge("idp_exporter_disk_free_bytes", "Free space for the exporter on the disk of the part, at the last check.", "part"),
		freeInodes: gauge("idp_exporter_disk_free_inodes", "How many more files the disk of the part can hold, at the last check; absent where there is no fixed number.", "part"),
	}
}

// Describe implements prometheus.Collector.
func (w *Watchdog) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, w.healthy, w.freeBytes, w.freeInodes)
}

// Collect implements prometheus.Collector.
func (w *Watchdog) Collect(ch chan<- prometheus.Metric) {
	sick := map[string]bool{}
	for _, p := range w.watchdog.Problems() {
		sick[p.Part] = true
	}
	for _, name := range w.watchdog.Parts() {
		w.healthy.send(ch, boolean(!sick[name]), name)
	}
	for _, d := range w.disks {
		space, known := d.Space()
		if !known {
			continue
		}
		w.freeBytes.send(ch, float64(space.Bytes), d.Name())
		if space.Counted {
			w.freeInodes.send(ch, float64(space.Inodes), d.Name())
		}
	}
}
