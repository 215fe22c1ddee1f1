package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// Auditor keeps the audit trail.
type Auditor interface {
	// Access notes what must not wait; under pressure it may be dropped, counted.
	Access(audit.Record)
	// Admin returns once the record is on disk; on an error the action is refused.
	Admin(context.Context, audit.Record) error
}

type noAuditor struct{}

func (noAuditor) Access(audit.Record)                       {}
func (noAuditor) Admin(context.Context, audit.Record) error { return nil }

// recordOf begins a record of a request. Of the path it tells the route alone,
// and what it is about is left to the handler: queries may hold anything.
func (s *Server) recordOf(r *http.Request, rt *route, g access.Grant) audit.Record {
	rec := audit.Record{Actor: audit.Actor{Name: g.Name}, Method: known(r.Method), Route: "unknown"}
	if g.Known {
		rec.Actor.Kind = g.Kind
		if g.Kind == "" {
			rec.Actor.Kind = "local"
		}
	}
	if rt != nil {
		rec.Route = rt.Path
	}
	rec.From = s.guard.Load().ClientAddr(r)
	return rec
}

// auditAccess notes an access that a credential, or the lack of an access
// section, let in. Bare answers that are open to all are no access.
func (h *handler) auditAccess(r *http.Request, rt *route, g access.Grant) {
	if !g.Known || rt.Scope == access.Public {
		return
	}
	rec := h.recordOf(r, rt, g)
	rec.Event, rec.Outcome = audit.EventAccess, audit.OutcomeOK
	if rt.about != nil {
		rec.Target = rt.about(r)
	}
	h.options.Audit.Access(rec)
}

func (h *handler) auditRefusal(r *http.Request, rt *route, g access.Grant, d *denial) {
	if d.code != http.StatusUnauthorized && d.code != http.StatusForbidden && d.code != http.StatusTooManyRequests {
		return
	}
	rec := h.recordOf(r, rt, g)
	rec.Event, rec.Outcome, rec.Detail = audit.EventRefusal, audit.OutcomeRefused, d.detail()
	h.options.Audit.Access(rec)
}

// admin notes an action before it is done and runs it. Where the note cannot be
// kept, the action is refused; where it fails, that is noted too. What is noted
// has its Event, Target and Detail from the caller.
func (s *Server) admin(w http.ResponseWriter, r *http.Request, g access.Grant, what audit.Record, act func() error) (done bool, err error) {
	rec := s.recordOf(r, s.table.find(r.URL.Path), g)
	rec.Event, rec.Outcome, rec.Target, rec.Detail = what.Event, audit.OutcomeAccepted, what.Target, what.Detail
	if err := s.options.Audit.Admin(r.Context(), rec); err != nil {
		refuse(w, http.StatusServiceUnavailable, "refused, since it cannot be written to the audit trail: "+s.options.Redact(err.Error()))
		return false, err
	}
	if err := act(); err != nil {
		rec.Outcome, rec.Detail = audit.OutcomeFailed, strings.TrimPrefix(rec.Detail+": "+s.options.Redact(err.Error()), ": ")
		s.options.Audit.Access(rec)
		return true, err
	}
	return true, nil
}
