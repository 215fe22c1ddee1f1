package alarm

import (
	"container/heap"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
)

// queue orders lines by when they are due. It implements heap.Interface.
type queue struct {
	lines []*line
	turns uint64
}

func (q *queue) Len() int { return len(q.lines) }

func (q *queue) Less(i, j int) bool {
	a, b := q.lines[i], q.lines[j]
	if c := a.when.Compare(b.when); c != 0 {
		return c < 0
	}
	return a.turn < b.turn
}

func (q *queue) Swap(i, j int) {
	q.lines[i], q.lines[j] = q.lines[j], q.lines[i]
	q.lines[i].index, q.lines[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	l, _ := x.(*line)
	l.index = len(q.lines)
	q.lines = append(q.lines, l)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(q.lines) - 1
	l := q.lines[last]
	q.lines[last] = nil
	q.lines = q.lines[:last]
	l.index = -1
	return l
}

// schedule makes a line due at a time.
func (c *console) schedule(l *line, when time.Time) {
	c.due.turns++
	l.when, l.turn = when, c.due.turns
	if l.index >= 0 {
		heap.Fix(&c.due, l.index)
	} else {
		heap.Push(&c.due, l)
	}
	if l.index == 0 {
		c.rouse()
	}
}

func (c *console) unschedule(l *line) {
	if l.index >= 0 {
		heap.Remove(&c.due, l.index)
	}
}

// rouse wakes the worker.
func (c *console) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// rest lets a line wait until it is to be told again, if ever.
func (c *console) rest(l *line, now time.Time) {
	if l.inflight != nil || len(l.events) > 0 {
		return
	}
	again := !c.destination.Acknowledged && c.common.Resend > 0 && !l.at.IsZero() && !l.refused &&
		(l.raised || now.Before(l.at.Add(c.common.ClearResendFor)))
	if !again {
		c.unschedule(l)
	} else if l.index < 0 {
		c.schedule(l, now.Add(jitter(c.common.Resend)))
	}
}

// entry is an event in the order in which events came.
type entry struct {
	line     *line
	sequence uint64
}

// journaled is an event that consoles which are told all transitions wait for.
type journaled struct{ waiting int }

// queue lets a further event wait. Beyond the limit, the oldest event is left
// out whose alarm has a later one waiting.
func (c *console) queue(l *line, ev *bridges.Event) {
	e := c.engine
	l.events = append(l.events, ev)
	j := e.journal[ev.Sequence]
	if j == nil {
		j = &journaled{}
		e.journal[ev.Sequence] = j
	}
	j.waiting++
	c.waiting++
	c.backlog = append(c.backlog, entry{l, ev.Sequence})
	for c.waiting > e.config.MaxTransitions && len(c.backlog) > 0 {
		oldest := c.backlog[0]
		c.backlog = c.backlog[1:]
		if o := oldest.line.events; len(o) > 1 && o[0].Sequence == oldest.sequence {
			c.release(o[0])
			oldest.line.events = o[1:]
			c.counters.coalesced++
		}
	}
	if len(c.backlog) > 2*c.waiting+chunk {
		c.backlog = slices.DeleteFunc(c.backlog, func(n entry) bool {
			return !slices.ContainsFunc(n.line.events, func(ev *bridges.Event) bool { return ev.Sequence == n.sequence })
		})
	}
}

// release notes that the console does not wait for an event any more.
func (c *console) release(ev *bridges.Event) {
	if !c.all() {
		return
	}
	c.waiting--
	e := c.engine
	j := e.journal[ev.Sequence]
	if j == nil {
		return
	}
	if j.waiting--; j.waiting == 0 {
		delete(e.journal, ev.Sequence)
		e.dropJournal(ev.Sequence)
	}
}

// dropJournal lets the store forget an event. It is in no hurry.
func (e *Engine) dropJournal(sequence uint64) {
	e.pending.DropJournal = append(e.pending.DropJournal, sequence)
}

// announce tells all consoles of transitions. It needs mu.
func (e *Engine) announce(all []announcement) {
	for _, n := range all {
		for _, c := range e.consoles {
			if n.disowned {
				c.line(n.event.Alarm.ID).maybe = true
			}
			c.tell(n.event)
		}
		if e.journal[n.event.Sequence] == nil && e.keepsAll() {
			e.dropJournal(n.event.Sequence)
		}
	}
}

// keepsAll tells whether any console is told all transitions.
func (e *Engine) keepsAll() bool {
	return slices.ContainsFunc(e.consoles, (*console).all)
}
