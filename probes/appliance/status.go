package appliance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// hostHeader is the header in which a node tells its name.
const hostHeader = "X-Auth0-Host"

// codeWarning is what a resource that is not well answers.
const codeWarning = 520

// askStatus asks for the resources, until an answer says that to go on makes no
// sense: the node cannot be reached, refuses the key, is asked too often, or is
// another one.
func (r *run) askStatus(ctx context.Context) {
	if len(r.Resources) == 0 {
		return
	}
	if f := r.revealKey(); f != nil {
		r.note(r.Resources[0], time.Now(), f)
		return
	}
	s := r.status.client.Session()
	defer s.Close()
	s.MaxBody = maxBody
	defer func() { r.Facts().NoteSeen(s.Seen) }()
	codes := make(map[string]int, len(r.Resources))
	var absent []string
	hostSeen := false
	for _, resource := range r.Resources {
		begin := time.Now()
		resp, f := r.ask(ctx, s, r.status, "/status/"+resource, true)
		if f != nil {
			r.note(resource, begin, r.restarting(f))
			break
		}
		if f := r.checkHost(resp); f != nil {
			r.note(resource, begin, f)
			codes = nil // they are somebody else's
			break
		}
		hostSeen = hostSeen || resp.Header.Get(hostHeader) != ""
		codes[resource] = resp.StatusCode
		f, stop := r.judge(resource, resp)
		if resp.StatusCode == http.StatusNotFound {
			absent = append(absent, resource)
			continue
		}
		r.note(resource, begin, f)
		if stop {
			break
		}
	}
	r.noteAbsent(absent)
	if r.node != "" && !hostSeen && len(codes) > 0 {
		r.note(r.Resources[0], time.Now(), &probes.Failure{Outcome: probes.Warn, Reason: probes.ReasonNodeMismatch, Err: fmt.Errorf(
			"the answers carry no %s, so it is not certain that node %s gave them: what is in between may say 204 to everything; mend the address, or set check_host: false", hostHeader, r.node)})
	}
	if len(codes) > 0 {
		r.Facts().ResourceStatus = codes
	}
}

// judge tells apart what the answers mean, and whether to stop asking.
func (r *run) judge(resource string, resp *fetch.Response) (f *probes.Failure, stop bool) {
	switch code := resp.StatusCode; code {
	case http.StatusNoContent:
		return nil, false
	case codeWarning:
		f = probes.Failf(probes.ReasonReportedDown, "%s is not well (520)", resource)
		for _, w := range r.Warn {
			if w == resource {
				f.Outcome = probes.Warn
			}
		}
		return f, false
	case http.StatusTooManyRequests:
		f = probes.Unknownf(probes.ReasonRateLimited, "/status/%s answered 429: the node's ten requests a second are used up; how it stands is not known", resource)
		if wait, ok := fetch.RetryAfter(resp.Header, time.Now()); ok && wait > 0 {
			f.NotBefore = time.Now().Add(wait)
		}
		return f, true
	case http.StatusUnauthorized, http.StatusForbidden:
		return refused(resource, resp), true
	case http.StatusNotFound:
		return nil, false // see noteAbsent
	default:
		return probes.Failf(probes.ReasonHTTPStatus, "/status/%s answered %d, want 204 or 520", resource, code), false
	}
}

// refused tells what to look at, the harmless things first: a key that is
// generated anew locks out every other monitor.
func refused(resource string, resp *fetch.Response) *probes.Failure {
	first := ""
	if resp.Header.Get(hostHeader) == "" {
		first = "see that this is an appliance's health service, since the answer carries no " + hostHeader + " (via, url, port); then "
	}
	return probes.Unknownf(probes.ReasonClientRefused,
		"/status/%s answered %d: the health key was refused; %scompare the key file with the key in use, which may have been generated anew. Only if that is lost generate one in the dashboard: it ends the one before",
		resource, resp.StatusCode, first)
}

// noteAbsent takes resources that the node does not know for a gap in what was
// checked; versions differ. Where it knows none, the address is wrong.
func (r *run) noteAbsent(absent []string) {
	switch {
	case len(absent) == 0:
	case len(absent) == len(r.Resources):
		r.note(absent[0], time.Now(), probes.Failf(probes.ReasonHTTPStatus, "no resource is there (404); see via, url and port"))
	default:
		r.Unverified("not there (404): %s", strings.Join(absent, ", "))
	}
}

// checkHost compares the name that the node gives itself with the configured one.
func (r *run) checkHost(resp *fetch.Response) *probes.Failure {
	got := resp.Header.Get(hostHeader)
	if r.node == "" || got == "" || strings.EqualFold(got, r.node) {
		return nil
	}
	return probes.Failf(probes.ReasonNodeMismatch, "node \"%[1]s\" answered in place of %[2]s; mend the address, or set hosts: {NODE: %[1]s}", probes.Foreign(got, 100), r.node)
}

// restarting leaves a run without a conclusion where the health service cannot
// be reached soon after its key was changed, which restarts it.
func (r *run) restarting(f *probes.Failure) *probes.Failure {
	if f.Outcome == probes.Fail && f.Reason == probes.ReasonConnect && !r.keySince.IsZero() && time.Since(r.keySince) < restartTime {
		return probes.Unknownf(f.Reason, "the health service restarts after a change of its key: %w", f.Err)
	}
	return f
}
