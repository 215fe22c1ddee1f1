package web

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// maxBody bounds a request's body, in bytes, where the route does not say more.
const maxBody = 64 << 10

// handler answers for one listener; health marks the health listener, which
// serves fewer routes and looks at no credential.
type handler struct {
	*Server
	health bool
	active atomic.Int64
}

// wait returns when no request is being answered any more, or after the limit.
func (h *handler) wait(limit time.Duration) {
	const look = 10 * time.Millisecond
	for waited := time.Duration(0); h.active.Load() > 0 && waited < limit; waited += look {
		time.Sleep(look)
	}
}

// ServeHTTP lets a request in or turns it away, and keeps a panic from
// reaching other requests.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.active.Add(1)
	defer h.active.Add(-1)
	if c := connectionOf(r); c != nil {
		c.enter()
		defer c.leave()
	}
	rt := h.table.find(r.URL.Path)
	if h.health && rt != nil && !rt.Health {
		rt = nil
	}
	if !h.log.Enabled(r.Context(), slog.LevelDebug) {
		h.answer(w, r, rt)
		return
	}
	begin, rec := time.Now(), &recorder{ResponseWriter: w}
	name := h.answer(rec, r, rt)
	// The route stands for the path, and the query stays out: either may carry
	// something that was pasted by mistake.
	path := "unknown"
	if rt != nil {
		path = rt.Path
	}
	h.log.Debug("request", "method", known(r.Method), "route", path, "status", rec.code(),
		"duration", time.Since(begin), "credential", name, "remote", r.RemoteAddr)
}

// answer returns the name of the credential, for the log.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, rt *route) string {
	defer h.recovered(w)
	h.fixed.set(w.Header())
	if len(r.TransferEncoding) > 0 {
		// net/http hides a Content-Length that came with the chunks, by which a
		// proxy may have gone; the connection then has to be closed (RFC 9112,
		// section 6.1). No caller of ours needs it kept.
		w.Header().Set("Connection", "close")
	}
	most := int64(maxBody)
	if rt != nil {
		most = cmp.Or(rt.body, most)
	}
	if r.ContentLength > most {
		refuse(w, http.StatusRequestEntityTooLarge, "the request's body is larger than this route takes")
		return ""
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, most)
	}
	grant, d := h.judge(r, rt)
	switch {
	case d != nil:
	case !slices.Contains(rt.Methods, r.Method):
		w.Header().Set("Allow", strings.Join(rt.Methods, ", "))
		d = &denial{code: http.StatusMethodNotAllowed, text: "method not allowed; use " + strings.Join(rt.Methods, " or ")}
	case h.crossOrigin.Check(r) != nil:
		d = &denial{code: http.StatusForbidden, text: "a page of another origin may not do this"}
	default:
		h.auditAccess(r, rt, grant)
		rt.serve(w, r, grant)
		return grant.Name
	}
	h.guard.Load().Refused(d.reason)
	h.auditRefusal(r, rt, grant, d)
	if rt != nil && rt.Open == access.OpenTestall {
		h.options.Testall.CountTestall(d.code)
	}
	if d.code == http.StatusTooManyRequests && grant.Known && rt != nil && rt.resent {
		d.code = http.StatusServiceUnavailable
	}
	if d.code == http.StatusTooManyRequests && grant.Known && rt != nil && rt.bare {
		h.options.Status.TooMany(w)
		return grant.Name
	}
	d.write(w, rt != nil && rt.bare)
	return grant.Name
}

// denial is how a request is turned away.
type denial struct {
	code      int
	text      string
	challenge string
	// reason is why a credential did not do, 0 for denials of another kind;
	// whose it is, where that is known, stays out of the answer.
	reason access.Reason
	whose  string
	// wait is when the next try makes sense.
	wait time.Duration
}

func (d *denial) write(w http.ResponseWriter, bare bool) {
	switch {
	case d.wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(access.RetryAfter(d.wait)))
	case d.challenge != "":
		w.Header()["Www-Authenticate"] = []string{d.challenge, `Basic realm="idp_exporter", charset="UTF-8"`}
	case d.code == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	}
	if bare {
		status.Bodyless(w, d.code)
		return
	}
	refuse(w, d.code, d.text)
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, _ access.Grant) {
	s.options.Status.ServeHTTP(w, r)
}

// judge decides whether the request may have the route; nil means that there
// is none. Where credentials exist, whoever shows none learns of no route.
func (h *handler) judge(r *http.Request, rt *route) (access.Grant, *denial) {
	guard := h.guard.Load()
	grant := access.Grant{Scopes: access.NewSet(access.Public)}
	if rt != nil && rt.Scope == access.Public {
		return grant, nil
	}
	if guard.Local() {
		return judgeLocal(r, rt, h.health)
	}
	if h.health {
		if rt == nil {
			return grant, &denial{code: http.StatusNotFound, text: "not found"}
		}
		return grant, nil
	}
	open := rt != nil && rt.Open != "" && guard.Open(rt.Open, r)
	grant, err := guard.Identify(r)
	if d := limited(guard, rt, grant); d != nil {
		return grant, d
	}
	switch {
	case rt != nil && grant.Scopes.Has(rt.Scope), open:
		return grant, nil
	case err != nil && errors.Is(err, access.ErrBusy):
		return grant, &denial{code: http.StatusServiceUnavailable, text: err.Error()}
	case !grant.Known:
		return grant, unknown(grant)
	case rt == nil:
		return grant, &denial{code: http.StatusNotFound, text: "not found"}
	default:
		return grant, forbidden(rt.Scope)
	}
}

func unauthorized(shown bool) *denial {
	d := &denial{code: http.StatusUnauthorized, text: "a valid credential is needed", challenge: `Bearer realm="idp_exporter"`}
	if shown {
		d.challenge += `, error="invalid_token"` // RFC 6750, section 3.1
	}
	return d
}

func forbidden(scope access.Scope) *denial {
	return &denial{code: http.StatusForbidden, text: fmt.Sprintf("the credential lacks the scope %s", scope), reason: access.ReasonScope}
}

func judgeLocal(r *http.Request, rt *route, health bool) (access.Grant, *denial) {
	grant := access.Grant{Scopes: access.LocalScopes()}
	switch {
	case !access.LocalHost(r.Host):
		return grant, &denial{code: http.StatusForbidden, text: "without an access section in the configuration only requests " +
			"to localhost, 127.0.0.1 or [::1] are answered"}
	case rt == nil:
		return grant, &denial{code: http.StatusNotFound, text: "not found"}
	case !grant.Scopes.Has(rt.Scope):
		return grant, &denial{code: http.StatusForbidden, text: fmt.Sprintf("the scope %s is closed, since the configuration has "+
			"no access section; add one with a token from `idp_exporter token create`", rt.Scope)}
	case health:
		grant.Scopes = access.NewSet(access.Public)
	}
	return grant, nil
}

// recovered turns a panic into a 500 and a line in the log.
func (h *handler) recovered(w http.ResponseWriter) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	h.log.Error("a request handler panicked; please report it", "panic", h.options.Redact(fmt.Sprint(p)), "stack", string(debug.Stack()))
	refuse(w, http.StatusInternalServerError, "internal error")
}

func refuse(w http.ResponseWriter, code int, text string) {
	writeText(w, code, text+"\n")
}

// known keeps a made-up method out of the log.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete,
		http.MethodPatch, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	}
	return "other"
}

// recorder notes the status code, for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the code.
func (r *recorder) WriteHeader(code int) {
	if r.status == 0 {
		r.status = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}
