package alarm

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// View is one alarm as it is shown.
type View struct {
	bridges.Alarm
	// Active tells whether it is active, or was until lately.
	Active bool
	// Sequence is that of its latest transition.
	Sequence uint64
	// Sources is how many sources fire; Stale tells that what fires has not been
	// repeated for too long.
	Sources int
	Stale   bool
}

// Alarms returns the active alarms, the most severe first, and then those that
// ended lately, the latest first. The labels in it are shared and must not be
// changed.
func (e *Engine) Alarms() []View {
	e.mu.Lock()
	all := make([]View, 0, len(e.alarms))
	for _, a := range e.alarms {
		if a.event == nil {
			continue
		}
		v := View{Alarm: a.event.Alarm, Active: a.active, Sequence: a.event.Sequence}
		for _, s := range a.sources {
			if s.Firing {
				v.Sources++
				v.Stale = v.Stale || s.stale
			}
		}
		all = append(all, v)
	}
	e.mu.Unlock()
	slices.SortFunc(all, func(a, b View) int {
		if a.Active != b.Active {
			return cmp.Compare(rank(b.Severity), rank(a.Severity)) // cleared has none
		}
		return cmp.Or(cmp.Compare(rank(b.Severity), rank(a.Severity)), b.Changed.Compare(a.Changed), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Delivery is how one destination stands.
type Delivery struct {
	Bridge, Kind, Destination string
	// Acknowledged and Proof are what a delivery without error proves.
	Acknowledged bool
	Proof        string
	// Pending is how many alarms the destination is still to be told of, and
	// Oldest since when the oldest of them waits, zero if none does.
	Pending int
	Oldest  time.Time
	// Failures counts failed attempts in a row; LastError is the latest, at Time
	// LastErrorAt.
	Failures    int
	LastError   string
	LastErrorAt time.Time
	// DeadLetters are what it has refused for good, the latest first.
	DeadLetters []DeadLetter
}

// Deliveries returns how every destination stands, in the order of the
// configuration.
func (e *Engine) Deliveries() []Delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Delivery, len(e.consoles))
	for i, c := range e.consoles {
		d := Delivery{
			Bridge: c.common.Name, Kind: c.common.Kind, Destination: c.destination.Name,
			Acknowledged: c.destination.Acknowledged, Proof: c.destination.Proof,
			Failures: c.failures, LastError: c.lastError, LastErrorAt: c.errorAt,
		}
		d.Pending, d.Oldest = c.pending()
		for _, letter := range e.dead {
			if letter.Bridge == d.Bridge && letter.Destination == d.Destination {
				d.DeadLetters = append(d.DeadLetters, letter)
			}
		}
		slices.SortFunc(d.DeadLetters, func(a, b DeadLetter) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.ID, b.ID)) })
		all[i] = d
	}
	return all
}

// pending counts the alarms that the console is still to be told of.
func (c *console) pending() (n int, oldest time.Time) {
	for _, bucket := range c.lines {
		for _, l := range bucket {
			if len(l.events) > 0 || l.inflight != nil && l.inflight.Sequence > l.sequence {
				n++
				oldest = minTime(oldest, l.since)
			}
		}
	}
	return n, oldest
}

// bridgeCounts count what became of the attempts of one bridge.
type bridgeCounts struct {
	delivered, sent, resent, retried, dead, coalesced, heartbeats uint64
}

// counts count what concerns no bridge.
type counts struct {
	webhooks                                       map[string]uint64
	unknownSeverities, malformedAlerts, lateAlerts uint64
	truncatedAlerts, refused                       uint64
	storageErrors, deadLettersDropped              uint64
	warnedSeverity                                 bool
}

func newCounts() counts {
	return counts{webhooks: map[string]uint64{"ok": 0, "malformed": 0, "too_large": 0, "too_many": 0, "storage": 0}}
}

// Stats are figures for metrics.
type Stats struct {
	// Active counts the active alarms by name and severity.
	Active map[NameSeverity]int
	// Bridges are the configured bridges, by name.
	Bridges []BridgeStats
	// Webhooks counts webhooks by what became of them: ok, malformed, too_large,
	// too_many, storage.
	Webhooks map[string]uint64
	// UnknownSeverities counts alerts whose severity is no known word, Malformed,
	// Late and Truncated those left out; Refused counts attempts to begin an
	// alarm when there were too many.
	UnknownSeverities, Malformed, Late, Truncated, Refused uint64
	// StorageErrors counts failed writes, DeadLettersDropped dead letters that
	// had to make room.
	StorageErrors, DeadLettersDropped uint64
}

// NameSeverity is what active alarms are counted by.
type NameSeverity struct {
	Name     string
	Severity probes.Severity
}

// BridgeStats are the figures of one bridge. Its destinations count together.
type BridgeStats struct {
	Name string
	// Outcomes counts attempts and what became of them. delivered: acknowledged.
	// sent: sent off by a transport that acknowledges nothing. resent: the same
	// again. retried: failed, to be tried again. dead: refused for good.
	// coalesced: left out, since more waited than may.
	Outcomes map[string]uint64
	// Heartbeats counts those that were sent.
	Heartbeats uint64
	// Pending counts alarms that destinations are still to be told of, Oldest is
	// for how long the oldest waits, DeadLetters counts those kept.
	Pending     int
	Oldest      time.Duration
	DeadLetters int
}

// Stats returns figures for metrics.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	s := Stats{
		Active: map[NameSeverity]int{}, Webhooks: maps.Clone(e.counts.webhooks), UnknownSeverities: e.counts.unknownSeverities,
		Malformed: e.counts.malformedAlerts, Late: e.counts.lateAlerts, Truncated: e.counts.truncatedAlerts, Refused: e.counts.refused,
		StorageErrors: e.counts.storageErrors, DeadLettersDropped: e.counts.deadLettersDropped,
	}
	for _, a := range e.alarms {
		if a.active {
			s.Active[NameSeverity{a.event.Alarm.Name, a.event.Alarm.Severity}]++
		}
	}
	letters := map[string]int{}
	for _, d := range e.dead {
		letters[d.Bridge]++
	}
	at := map[string]int{}
	for _, c := range e.consoles {
		i, known := at[c.common.Name]
		if !known {
			i = len(s.Bridges)
			at[c.common.Name] = i
			n := c.counters
			s.Bridges = append(s.Bridges, BridgeStats{
				Name: c.common.Name, Heartbeats: n.heartbeats, DeadLetters: letters[c.common.Name],
				Outcomes: map[string]uint64{
					"delivered": n.delivered, "sent": n.sent, "resent": n.resent, "retried": n.retried, "dead": n.dead, "coalesced": n.coalesced,
				},
			})
		}
		b := &s.Bridges[i]
		n, oldest := c.pending()
		b.Pending += n
		if !oldest.IsZero() {
			b.Oldest = max(b.Oldest, now.Sub(oldest))
		}
	}
	return s
}
