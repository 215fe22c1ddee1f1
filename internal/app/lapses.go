package app

import (
	"time"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
)

// lapses finds what drains and windows do by themselves, without anybody's
// request: a drain that ends, a window that opens or closes.
type lapses struct {
	drains map[string]maintenance.Drain
	open   map[string]bool // windows, by name
}

func newLapses(b *maintenance.Book) *lapses {
	l := &lapses{}
	l.next(b)
	return l
}

// next returns what has happened since it was called last.
func (l *lapses) next(b *maintenance.Book) []audit.Record {
	var records []audit.Record
	drains, now := make(map[string]maintenance.Drain), time.Now()
	for _, d := range b.Drains() {
		drains[d.Node] = d
	}
	for node, was := range l.drains {
		if _, still := drains[node]; !still && !was.Until.IsZero() && !now.Before(was.Until) {
			if node == "" {
				node = maintenance.PublicNode
			}
			records = append(records, audit.Record{Event: audit.EventDrain, Target: node, Detail: "ended by itself"})
		}
	}
	open := b.WindowNames(now)
	for name, is := range open {
		if is != l.open[name] && l.open != nil {
			records = append(records, audit.Record{Event: audit.EventWindow, Target: name, Detail: map[bool]string{true: "opened", false: "closed"}[is]})
		}
	}
	for name, was := range l.open {
		if _, still := open[name]; was && !still {
			records = append(records, audit.Record{Event: audit.EventWindow, Target: name, Detail: "closed"})
		}
	}
	l.drains, l.open = drains, open
	return records
}

// noteLapses tells of them in the log and the audit trail.
func (a *App) noteLapses(records []audit.Record) {
	for _, r := range records {
		a.log.Info(r.Event.String()+" "+r.Detail, "name", r.Target)
		if a.audit != nil {
			r.Outcome, r.Actor = audit.OutcomeOK, audit.Actor{Kind: "exporter"}
			a.audit.Access(r)
		}
	}
}
