package nco

import "strconv"

// Server is a stand-in for an ObjectServer with its stock automations. Times
// are seconds.
type Server struct {
	now  int
	rows map[string]*Record
}

// Record is a row of alerts.status.
type Record struct {
	Row
	// First and Last are when the event came first and last, Tally how often;
	// Changed is when the row changed.
	First, Last, Tally, Changed int
}

// Number returns a field that is a number, 0 for one that is not set.
func (r *Record) Number(name string) int {
	n, _ := strconv.Atoi(r.Fields[name])
	return n
}

// NewServer returns an ObjectServer without rows.
func NewServer() *Server { return &Server{rows: map[string]*Record{}} }

// Insert takes what the rules made of an event. A row with the same Identifier
// is raised in its tally and gets what rules told to update (triggers
// deduplication and new_row).
func (s *Server) Insert(row Row) {
	if row.Discarded {
		return
	}
	there := s.rows[row.Fields["Identifier"]]
	if there == nil {
		s.rows[row.Fields["Identifier"]] = &Record{Row: row, First: s.now, Last: s.now, Tally: 1, Changed: s.now}
		return
	}
	there.Tally++
	there.Last, there.Changed = s.now, s.now
	for name := range row.Update {
		there.Fields[name] = row.Fields[name]
	}
	there.Fields["Summary"], there.Fields["AlertKey"] = row.Fields["Summary"], row.Fields["AlertKey"]
	if row := (&Record{Row: row}); there.Number("Severity") == 0 && row.Number("Severity") > 0 {
		there.Fields["Severity"] = row.Fields["Severity"]
	}
}

// Pass lets seconds pass and then runs the automations generic_clear, expire
// and delete_clears.
func (s *Server) Pass(seconds int) {
	s.now += seconds
	s.clear()
	for _, r := range s.rows {
		if e := r.Number("ExpireTime"); e > 0 && s.now-r.Last > e {
			s.over(r)
		}
	}
	for id, r := range s.rows {
		if r.Number("Severity") == 0 && s.now-r.Changed > 120 {
			delete(s.rows, id)
		}
	}
}

// clear is generic_clear: a resolution clears what stood before it with the
// same Node, AlertKey, AlertGroup and Manager.
func (s *Server) clear() {
	for _, resolution := range s.rows {
		if resolution.Number("Type") != 2 || resolution.Number("Severity") == 0 {
			continue
		}
		s.over(resolution)
		for _, problem := range s.rows {
			if problem.Number("Type") == 1 && problem.Last < resolution.Last && same(problem, resolution, "Node", "AlertKey", "AlertGroup", "Manager") {
				s.over(problem)
			}
		}
	}
}

// over gives a row the severity of what is cleared.
func (s *Server) over(r *Record) {
	if r.Number("Severity") > 0 {
		r.Fields["Severity"], r.Changed = "0", s.now
	}
}

func same(a, b *Record, names ...string) bool {
	for _, n := range names {
		if a.Fields[n] != b.Fields[n] {
			return false
		}
	}
	return true
}

// Standing returns the rows that are not cleared.
func (s *Server) Standing() []*Record {
	var all []*Record
	for _, r := range s.rows {
		if r.Number("Severity") > 0 {
			all = append(all, r)
		}
	}
	return all
}
