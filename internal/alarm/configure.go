package alarm

import (
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// Bridge is one configured bridge.
type Bridge struct {
	Common
	// Fingerprint sums up the settings of its kind. A bridge whose fingerprint
	// stays is kept open by a reload; where it changes, the destinations are
	// told anew what stands, since they may be others under the old names.
	Fingerprint string
	// New opens the bridge's destinations. It is not called for a bridge that is
	// kept open.
	New func() ([]bridges.Destination, error)
}

// Configure puts a configuration in force, at the start and at every reload, or
// nothing of it. Unchanged destinations keep their connections and what they
// have been told; new ones are told what stands; of those that are gone all is
// forgotten, and what stands there is left standing.
func (e *Engine) Configure(c Config, all []Bridge) error {
	runbook, err := newRunbook(c.RunbookURL)
	if err != nil {
		return fmt.Errorf("alarms.runbook_url %w", err)
	}
	e.life.Lock()
	defer e.life.Unlock()
	if e.ended {
		return fmt.Errorf("the exporter is ending")
	}
	next, err := e.open(all)
	if err != nil {
		return err
	}
	// What is replaced ends before its successor begins: no event overtakes
	// another, and no address is used twice.
	kept := map[*console]bool{}
	for _, n := range next {
		kept[n.console] = n.old != nil && n.console == n.old
	}
	var former []*console
	for _, old := range e.consoles { // changed by Configure alone
		if !kept[old] {
			old.stop()
			former = append(former, old)
		}
	}
	e.swap(c, runbook, next, former)
	if e.running != nil {
		for _, n := range next {
			if n.console.done == nil {
				n.console.start(e.running)
			}
		}
	}
	return nil
}

// opened is a console to be put in force. old is the one of the same name, nil
// if there is none.
type opened struct {
	console, old *console
	common       Common
}

// open opens what is new or has changed.
func (e *Engine) open(all []Bridge) (next []opened, err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, n := range next {
			if n.console != n.old {
				_ = n.console.destination.Deliverer.Close()
			}
		}
	}()
	names := map[consoleKey]bool{}
	bridgeNames := map[string]bool{}
	for _, b := range all {
		if bridgeNames[b.Name] {
			return next, fmt.Errorf("bridge %s: there are two of that name", b.Name)
		}
		bridgeNames[b.Name] = true
		if kept := e.unchanged(b); len(kept) > 0 {
			for _, old := range kept {
				next = append(next, opened{old, old, b.Common})
			}
			continue
		}
		destinations, err := b.New()
		if err != nil {
			return next, fmt.Errorf("bridge %s: %w", b.Name, err)
		}
		for _, d := range destinations {
			c, err := newConsole(e, b, d)
			if err == nil && names[c.key()] {
				err = fmt.Errorf("there are two destinations %q", d.Name)
			}
			next = append(next, opened{c, e.console(b.Name, d.Name), b.Common})
			if err != nil {
				for _, rest := range destinations {
					if rest.Name != d.Name {
						_ = rest.Deliverer.Close()
					}
				}
				return next, fmt.Errorf("bridge %s: %w", b.Name, err)
			}
			names[c.key()] = true
		}
	}
	return next, nil
}

// unchanged returns the consoles of a bridge that can stay open.
func (e *Engine) unchanged(b Bridge) []*console {
	var kept []*console
	for _, c := range e.consoles {
		if c.common.Name == b.Name && c.common.Kind == b.Kind && c.fingerprint == b.Fingerprint && c.common.Transitions == b.Transitions {
			kept = append(kept, c)
		}
	}
	return kept
}

// console returns the destination of a name, nil if there is none.
func (e *Engine) console(bridge, destination string) *console {
	for _, c := range e.consoles {
		if c.common.Name == bridge && c.destination.Name == destination {
			return c
		}
	}
	return nil
}

// swap puts consoles in force.
func (e *Engine) swap(c Config, r runbook, next []opened, former []*console) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	e.config, e.severities, e.runbook = c, newSeverities(c), r
	replaced := map[*console]bool{}
	consoles := make([]*console, 0, len(next))
	counters := map[string]*bridgeCounts{}
	for _, n := range next {
		_ = n.console.configure(n.common) // its matchers were tried before
		if n.old != nil && n.console != n.old {
			n.console.inherit(n.old)
			replaced[n.old] = true
		}
		if counters[n.common.Name] == nil {
			if counters[n.common.Name] = e.counters[n.common.Name]; counters[n.common.Name] == nil {
				counters[n.common.Name] = &bridgeCounts{}
			}
		}
		n.console.counters = counters[n.common.Name]
		consoles = append(consoles, n.console)
	}
	for _, old := range former {
		old.abandon()
		if !replaced[old] {
			e.gone(old.key())
		}
	}
	e.consoles, e.counters = consoles, counters
	e.resume()
	for _, n := range next {
		if n.old == nil {
			n.console.markBucket(registration)
		}
		if h := &n.console.heartbeat; !h.due.IsZero() { // the first of a new console is due at once
			h.due = minTime(h.due, now.Add(n.common.Heartbeat))
		}
		for _, a := range e.alarms {
			if a.event != nil && len(a.fresh) == 0 { // what is fresh is told once it is on disk
				n.console.review(a)
			}
		}
		n.console.rouse()
	}
	e.rouse()
}

// gone forgets a destination that the configuration no longer has. It needs mu.
func (e *Engine) gone(key consoleKey) {
	e.log.Warn("a destination is no longer configured; what stands there is left standing", "bridge", key.bridge, "destination", key.destination)
	e.pending.gone = append(e.pending.gone, key)
	for id, d := range e.dead {
		if d.Bridge == key.bridge && d.Destination == key.destination {
			e.exhume(id)
		}
	}
}
