// Package status answers /status/RESOURCE and /health/status/RESOURCE as the
// identity appliance does: without a body, 204 for good, 520 for a warning, 429
// beyond ten requests a second, so that a monitor built for the appliance can
// watch any provider that this exporter runs beside.
//
// It owns the answers and which probes and figures they rest on. Who may ask is
// decided in internal/web, what a probe's verdict is in internal/state.
package status

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// User is the Basic user name that a monitor of the appliance sends its health
// key with; give it to the user of scope status in the access section.
const User = "api_keys_health"

// PerSecond is how many requests a second are answered, and how many at once.
const PerSecond = 10

// Warning is the status code of a resource that is not well. No RFC knows it.
const Warning = 520

// The paths answered, each followed by a resource.
const (
	Path       = "/status/"
	HealthPath = "/health/status/"
)

// The resources that the answers of the machine itself can cover.
const (
	CPU    = "cpu"
	Memory = "memory"
	Disk   = "disk"
)

// Resources lists all resources, in the order the appliance documents them.
func Resources() []string {
	return []string{CPU, Memory, Disk, "services", "network", "internet", "email", "db", "replicaset"}
}

// Answer is how a resource stands. The zero Answer is that nothing covers it.
type Answer uint8

// The answers.
const (
	NotCovered Answer = iota
	Good
	Bad // also while it is not known: a good answer has to be earned
)

// Source tells how a resource stands. It has to answer from memory.
type Source func(resource string) Answer

// Header values as the appliance's server, Express, writes them. The tag is
// that of the text "No Content", which is not sent with a 204.
const (
	poweredBy = "Express"
	goodTag   = `W/"a-oQDOV50e1MN2H/N8GYi+8w"`
)

// Handler answers for all resources. It has one rate limit for whoever asks, as
// the appliance's health service has.
type Handler struct {
	limiter *rate.Limiter
	now     func() time.Time
	view    atomic.Pointer[view]
}

// view is what a configuration makes of the answers.
type view struct {
	host   string
	source Source
}

// New returns a handler that covers nothing until Set is called. Now is the
// clock of the rate limit; nil is time.Now.
func New(now func() time.Time) *Handler {
	if now == nil {
		now = time.Now
	}
	h := &Handler{limiter: rate.NewLimiter(PerSecond, PerSecond), now: now}
	h.Set("", func(string) Answer { return NotCovered })
	return h
}

// Set changes where the answers come from, and the node name that they carry in
// X-Auth0-Host, from the next request on.
func (h *Handler) Set(host string, s Source) { h.view.Store(&view{host, s}) }

// ServeHTTP implements http.Handler, for requests that were let in. Methods
// other than GET and HEAD are for the caller to refuse.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := h.view.Load()
	v.write(w, h.code(v, r.URL.Path))
}

// TooMany answers 429 to a request that a limit of the caller's turns away: a
// monitor of the appliance knows one kind of 429.
func (h *Handler) TooMany(w http.ResponseWriter) {
	h.view.Load().write(w, http.StatusTooManyRequests)
}

func (v *view) write(w http.ResponseWriter, code int) {
	header := w.Header()
	// What all other answers of the exporter carry, the appliance's do not.
	delete(header, "Cache-Control")
	delete(header, "X-Content-Type-Options")
	header["X-Powered-By"] = []string{poweredBy}
	if v.host != "" {
		header["X-Auth0-Host"] = []string{v.host}
	}
	if code == http.StatusNoContent {
		header["ETag"] = []string{goodTag}
	}
	Bodyless(w, code)
}

func (h *Handler) code(v *view, path string) int {
	resource, ok := resourceOf(path)
	if !h.limiter.AllowN(h.now(), 1) {
		return http.StatusTooManyRequests
	}
	if !ok {
		return http.StatusNotFound
	}
	switch v.source(resource) {
	case Good:
		return http.StatusNoContent
	case Bad:
		return Warning
	default:
		return http.StatusNotFound
	}
}

// resourceOf returns the resource that a path names.
func resourceOf(path string) (string, bool) {
	resource, ok := strings.CutPrefix(strings.TrimPrefix(path, "/health"), Path)
	return resource, ok && slices.Contains(Resources(), resource)
}

// Bodyless answers with a status code alone: "none of the responses will include
// a body". It is meant for refusals of these paths too, 401 among them; headers
// that were set before stay.
func Bodyless(w http.ResponseWriter, code int) {
	h := w.Header()
	delete(h, "Content-Type")
	if code != http.StatusNoContent { // which has none (RFC 9110, 8.6)
		h["Content-Length"] = []string{"0"}
	}
	w.WriteHeader(code)
}
