package audit

// Stats are counts since Open, for metrics.
type Stats struct {
	// TurnedAway counts lines that found the buffer full and reached no sink.
	TurnedAway uint64
	// Sinks are the sinks in use.
	Sinks []SinkStats
}

// SinkStats are the counts of one sink.
type SinkStats struct {
	// Name is file, stdout or syslog.
	Name string
	// Written counts lines that the sink took, Dropped those it did not, and
	// Errors failed attempts to write or connect.
	Written, Dropped, Errors uint64
	// Failing is true while the last attempt failed.
	Failing bool
}

// Stats returns the counts.
func (l *Log) Stats() Stats {
	s := Stats{TurnedAway: l.queue.turnedAway()}
	if l.writer.name != "" {
		s.Sinks = append(s.Sinks, l.writer.stats())
	}
	for _, r := range l.writer.relays {
		s.Sinks = append(s.Sinks, r.stats())
	}
	return s
}

func (c *counters) stats() SinkStats {
	return SinkStats{Name: c.name, Written: c.written.Load(), Dropped: c.dropped.Load(), Errors: c.fails.Load(), Failing: c.failing.Load()}
}
