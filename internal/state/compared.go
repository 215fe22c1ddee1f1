package state

// Comparison is something that nodes of a provider can disagree about.
type Comparison struct{ Provider, What string }

// Compared returns what the present Disagreements rest on: what at least two
// nodes of a provider told one probe in their latest conclusive runs. Of
// anything else it is not known whether the nodes agree.
func (s *State) Compared() map[Comparison]bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now, all := s.now(), map[Comparison]bool{}
	for _, p := range s.peers {
		told := map[string]int{}
		for _, e := range s.comparable(p, nil, now) {
			for _, what := range DisagreementKinds() {
				if e.marks.tell(what) {
					told[what]++
				}
			}
		}
		for what, n := range told {
			if n >= 2 {
				all[Comparison{p.entries[0].Provider, what}] = true
			}
		}
	}
	return all
}

// tell tells whether it was measured.
func (m marks) tell(what string) bool {
	if what == DisagreeClock {
		return m.clock != nil
	}
	return m.of(what).id != ""
}
