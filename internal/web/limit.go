package web

import (
	"net/http"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// AccessStats tells how the credentials in force are used, and counts refusals.
func (s *Server) AccessStats() access.Stats { return s.guard.Load().Stats() }

// limited turns away a credential that is used too often. What a load balancer
// asks is never limited, whatever credential it shows.
func limited(guard *access.Guard, rt *route, g access.Grant) *denial {
	if !g.Known || rt != nil && rt.Health {
		return nil
	}
	wait := guard.Limit(g)
	if wait == 0 {
		return nil
	}
	return &denial{code: http.StatusTooManyRequests, text: "too many requests with this credential; wait, or raise its rate limit",
		reason: access.ReasonRateLimited, wait: wait}
}

// unknown turns away a request whose credentials, if any, are not valid. The
// answer does not tell why; the audit trail does.
func unknown(g access.Grant) *denial {
	var d *denial
	if g.Refused == access.ReasonThrottled {
		d = &denial{code: http.StatusTooManyRequests, text: "too many wrong credentials from this address; wait before the next try", wait: g.Wait}
	} else {
		d = unauthorized(g.Shown)
	}
	d.reason, d.whose = g.Refused, g.Whose
	if !g.Shown {
		d.reason = access.ReasonNone
	}
	return d
}

// detail is what the audit trail says of the denial.
func (d *denial) detail() string {
	switch d.reason {
	case access.ReasonNetwork, access.ReasonNotYet, access.ReasonExpired:
		return d.text + " (" + d.whose + ": " + d.reason.Text() + ")"
	}
	return d.text
}
