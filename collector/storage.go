package collector

import "github.com/prometheus/client_golang/prometheus"

// storage shows what of the store was lost.
type storage struct {
	damaged       func() uint64
	setAside      bool
	records, file desc
}

// NewStorage returns a collector of what the store found damaged: records so
// far, and whether the file as a whole was set aside at the start.
func NewStorage(records func() uint64, setAside bool) prometheus.Collector {
	return &storage{
		damaged: records, setAside: setAside,
		records: counter("idp_exporter_storage_damaged_records_total", "Stored records that were left out since they were damaged."),
		file:    gauge("idp_exporter_storage_set_aside", "Whether a damaged storage file was set aside at the start: drains, windows and alarms of before are lost."),
	}
}

// Describe implements prometheus.Collector.
func (s *storage) Describe(ch chan<- *prometheus.Desc) { describe(ch, s.records, s.file) }

// Collect implements prometheus.Collector.
func (s *storage) Collect(ch chan<- prometheus.Metric) {
	s.records.send(ch, float64(s.damaged()))
	s.file.send(ch, boolean(s.setAside))
}
