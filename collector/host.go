package collector

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/host"
)

// Host shows the machine that the exporter runs on, as far as sign-in depends on
// it; the rest is node_exporter's.
type Host struct {
	snapshot func() host.Snapshot

	usage, cores, span                    desc
	memory, memoryTotal, memoryRatio      desc
	swap, swapTotal                       desc
	load1, load5, load15                  desc
	filesystem, inodes                    desc
	synchronized, clockError              desc
	service                               desc
	limited, success, duration, timestamp desc
}

// NewHost returns the metrics of the machine. snapshot is asked at each scrape
// and has to answer from memory.
func NewHost(snapshot func() host.Snapshot) *Host {
	return &Host{
		snapshot: snapshot,
		usage: gauge("idp_host_cpu_usage_ratio",
			"Used part of the processors' capacity over the last minute, 0 to 1; the container's where it has a limit."),
		cores: gauge("idp_host_cpu_cores", "The processors' capacity; a quota may make it a fraction."),
		span:  gauge("idp_host_cpu_window_seconds", "What idp_host_cpu_usage_ratio was taken over: less than a minute after the start."),
		memory: gauge("idp_host_memory_available_bytes",
			"Memory that can be had without swapping; the container's where it has a limit."),
		memoryTotal:  gauge("idp_host_memory_total_bytes", "All memory; the container's where it has a limit."),
		memoryRatio:  gauge("idp_host_memory_available_ratio", "Available part of the memory, 0 to 1."),
		swap:         gauge("idp_host_swap_free_bytes", "Free swap."),
		swapTotal:    gauge("idp_host_swap_total_bytes", "All swap."),
		load1:        gauge("idp_host_load1", "Load average of 1 minute, of the whole machine."),
		load5:        gauge("idp_host_load5", "Load average of 5 minutes, of the whole machine."),
		load15:       gauge("idp_host_load15", "Load average of 15 minutes, of the whole machine."),
		filesystem:   gauge("idp_host_filesystem_used_ratio", "Used part of the volume, 0 to 1, as df counts.", "mountpoint"),
		inodes:       gauge("idp_host_filesystem_inodes_used_ratio", "Used part of the volume's inodes, 0 to 1; absent where their number is not fixed.", "mountpoint"),
		synchronized: gauge("idp_host_clock_synchronized", "Whether something keeps the system clock right."),
		clockError:   gauge("idp_host_clock_max_error_seconds", "The kernel's bound on how far the system clock is off."),
		service:      gauge("idp_host_service_active", "Whether the system service is active, of those that probes name.", "service"),
		limited:      gauge("idp_host_limited", "1 where a container's limit stands for the machine's.", "resource"),
		success: gauge("idp_host_collector_success",
			"Whether the last attempt to take the figure succeeded; absent where this operating system does not tell it.", "collector"),
		duration:  gauge("idp_host_collector_duration_seconds", "How long the last attempt to take the figure took.", "collector"),
		timestamp: gauge("idp_host_collector_last_success_timestamp_seconds", "When the figure was last taken; absent if it never was.", "collector"),
	}
}

// Describe implements prometheus.Collector.
func (h *Host) Describe(ch chan<- *prometheus.Desc) {
	describe(ch, h.usage, h.cores, h.span, h.memory, h.memoryTotal, h.memoryRatio, h.swap, h.swapTotal, h.load1, h.load5, h.load15,
		h.filesystem, h.inodes, h.synchronized, h.clockError, h.service, h.limited, h.success, h.duration, h.timestamp)
}

// Collect implements prometheus.Collector.
func (h *Host) Collect(ch chan<- prometheus.Metric) {
	s := h.snapshot()
	if c := s.CPU; c != nil {
		h.usage.send(ch, c.Usage)
		h.cores.send(ch, c.Cores)
		h.span.send(ch, c.Over.Seconds())
		h.limited.send(ch, boolean(c.Limited), host.CollectorCPU)
	}
	if m := s.Memory; m != nil {
		h.memory.send(ch, float64(m.Available))
		h.memoryTotal.send(ch, float64(m.Total))
		h.memoryRatio.send(ch, m.AvailableRatio())
		h.limited.send(ch, boolean(m.Limited), host.CollectorMemory)
	}
	if m := s.Swap; m != nil {
		h.swap.send(ch, float64(m.Available))
		h.swapTotal.send(ch, float64(m.Total))
		h.limited.send(ch, boolean(m.Limited), host.CollectorSwap)
	}
	if l := s.Load; l != nil {
		h.load1.send(ch, l.One)
		h.load5.send(ch, l.Five)
		h.load15.send(ch, l.Fifteen)
	}
	shown := map[string]bool{}
	for _, f := range s.Filesystems {
		if shown[f.Mountpoint] { // names that differ in bytes that no label can hold
			continue
		}
		shown[f.Mountpoint] = true
		h.filesystem.send(ch, f.Used, f.Mountpoint)
		if f.Inodes != nil {
			h.inodes.send(ch, *f.Inodes, f.Mountpoint)
		}
	}
	if c := s.Clock; c != nil {
		h.synchronized.send(ch, boolean(c.Synchronized))
		h.clockError.send(ch, c.MaxError.Seconds())
	}
	for _, name := range s.ServiceNames() {
		h.service.send(ch, boolean(s.Services[name].Active), name)
	}
	h.collectors(ch, s.Collectors)
}

func (h *Host) collectors(ch chan<- prometheus.Metric, all []host.Health) {
	for _, c := range all {
		if errors.Is(c.Err, host.ErrUnsupported) {
			continue
		}
		h.success.send(ch, boolean(c.Err == nil), c.Collector)
		h.duration.send(ch, c.Duration.Seconds(), c.Collector)
		if !c.At.IsZero() {
			h.timestamp.send(ch, seconds(c.At), c.Collector)
		}
	}
}
