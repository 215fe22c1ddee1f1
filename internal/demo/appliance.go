package demo

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What is fixed at an identity appliance's monitoring endpoints.
const (
	// ApplianceUser is the user name of its health key (HTTP Basic).
	ApplianceUser = "api_keys_health"
	// ApplianceKey is the health key of the demo's appliance.
	ApplianceKey = "demo-health-key" //nolint:gosec // public, as all of the demo's
	// ApplianceHost is the name that the demo's appliance gives itself.
	ApplianceHost = "a0-1"
	// ApplianceHostHeader is the header in which a node tells its name.
	ApplianceHostHeader = "X-Auth0-Host"
	// applianceRate is how many requests a second the health service answers.
	applianceRate = 10
	// applianceETag is what Express makes of the text "No Content", which it
	// then does not send with a 204.
	applianceETag = `W/"a-oQDOV50e1MN2H/N8GYi+8w"`
)

// ApplianceResources lists what /status/ tells of, in the order documented.
func ApplianceResources() []string {
	return []string{"cpu", "memory", "disk", "services", "network", "internet", "email", "db", "replicaset"}
}

// applianceComponents lists what /testall looks at, in the order of its body.
func applianceComponents() map[string]string {
	return map[string]string{
		"manage": "connect ENOENT /var/lib/auth0/sockets/auth0-manage.socket",
		"docs":   "connect ECONNREFUSED 127.0.0.1:5000",
		"users":  "connect ECONNREFUSED 127.0.0.1:7777",
		"api2":   "connect ENOENT /var/lib/auth0/sockets/auth0-api2.socket",
	}
}

// ApplianceComponents lists the components that SetComponentDown takes.
func ApplianceComponents() []string { return []string{"manage", "docs", "users", "api2"} }

// ApplianceOptions say what an appliance's node is like.
type ApplianceOptions struct {
	// Host is the name it gives itself. Default: ApplianceHost.
	Host string
	// Key is its one health key. Default: ApplianceKey.
	Key string
	// Now is the clock of its rate limit. Default: time.Now.
	Now func() time.Time
	// Logger is told of what is broken and repaired. Default: no log.
	Logger *slog.Logger
}

// Appliance emulates the monitoring endpoints of one node of an identity
// appliance, byte for byte as documented: /test, /testall, and /status/RESOURCE
// under its three ways in, of which one is reached with the prefix /health. It
// is an http.Handler, runs no goroutine, and is safe for concurrent use.
type Appliance struct {
	now     func() time.Time
	log     *slog.Logger
	limiter *rate.Limiter
	mux     *http.ServeMux

	mu         sync.Mutex
	host, key  string
	broken     map[string]bool // by resource
	down       map[string]bool // by component
	offset     time.Duration   // of its clock
	usedUp     bool            // its requests of this second, by others
	restarting bool
	requests   map[string]uint64
}

// NewAppliance returns a node with nothing broken.
func NewAppliance(o ApplianceOptions) *Appliance {
	a := &Appliance{
		now: o.Now, log: o.Logger, host: o.Host, key: o.Key, limiter: rate.NewLimiter(applianceRate, applianceRate),
		mux: http.NewServeMux(), broken: map[string]bool{}, down: map[string]bool{}, requests: map[string]uint64{},
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.host == "" {
		a.host = ApplianceHost
	}
	if a.key == "" {
		a.key = ApplianceKey
	}
	a.mux.HandleFunc("GET /test", a.test)
	a.mux.HandleFunc("GET /testall", a.testall)
	for _, prefix := range []string{"", "/health"} {
		a.mux.HandleFunc("GET "+prefix+"/status/", a.status) // what there is none of
		for _, r := range ApplianceResources() {
			a.mux.HandleFunc("GET "+prefix+"/status/"+r, a.status)
		}
	}
	return a
}

// ServeHTTP implements [http.Handler].
func (a *Appliance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, route := a.mux.Handler(r)
	a.mu.Lock()
	restarting := a.restarting && strings.Contains(route, "/status/")
	if route == "" {
		route = "other"
	}
	a.requests[route]++
	a.mu.Unlock()
	if restarting { // nobody listens
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("X-Powered-By", "Express")
	h.ServeHTTP(w, r)
}

// test tells the clock, in milliseconds since 1970.
func (a *Appliance) test(w http.ResponseWriter, _ *http.Request) {
	a.mu.Lock()
	clock := a.now().Add(a.offset)
	a.mu.Unlock()
	send(w, http.StatusOK, "application/json", `{"clock":`+strconv.FormatInt(clock.UnixMilli(), 10)+`}`)
}

// testall answers OK, or a line for each component that is down.
func (a *Appliance) testall(w http.ResponseWriter, _ *http.Request) {
	var lines []string
	reasons := applianceComponents()
	a.mu.Lock()
	for _, c := range ApplianceComponents() {
		if a.down[c] {
			lines = append(lines, c+" seems down. Reason: "+reasons[c])
		}
	}
	a.mu.Unlock()
	if len(lines) > 0 {
		send(w, http.StatusInternalServerError, "text/html; charset=utf-8", strings.Join(lines, "\n"))
		return
	}
	w.Header().Set("X-Frame-Options", "DENY")
	send(w, http.StatusOK, "text/plain", "OK")
}

func send(w http.ResponseWriter, code int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body)) // of HEAD, net/http sends none
}

// status answers without a body: 204, 429, 520, 401 without the key, or 404 for
// a resource that there is none of.
func (a *Appliance) status(w http.ResponseWriter, r *http.Request) {
	_, resource, _ := strings.Cut(r.URL.Path, "/status/")
	user, key, _ := r.BasicAuth()
	a.mu.Lock()
	known := user == ApplianceUser && subtle.ConstantTimeCompare([]byte(key), []byte(a.key)) == 1
	broken, host, usedUp := a.broken[resource], a.host, a.usedUp
	a.mu.Unlock()
	w.Header()[ApplianceHostHeader] = []string{host}
	w.Header().Set("Content-Length", "0")
	switch {
	case !known:
		w.Header()["WWW-Authenticate"] = []string{`Basic realm="health"`}
		w.WriteHeader(http.StatusUnauthorized)
	case usedUp || !a.limiter.AllowN(a.now(), 1):
		w.WriteHeader(http.StatusTooManyRequests)
	case !slices.Contains(ApplianceResources(), resource):
		w.WriteHeader(http.StatusNotFound)
	case broken:
		w.WriteHeader(520)
	default:
		w.Header().Del("Content-Length") // RFC 9110, 8.6
		w.Header()["ETag"] = []string{applianceETag}
		w.WriteHeader(http.StatusNoContent)
	}
}

// SetBroken makes a resource answer 520, or 204 again. It fails for a resource
// that there is none of.
func (a *Appliance) SetBroken(resource string, broken bool) error {
	if !slices.Contains(ApplianceResources(), resource) {
		return fmt.Errorf("the appliance has no resource %q: use one of %s", resource, strings.Join(ApplianceResources(), ", "))
	}
	a.set(func() { a.broken[resource] = broken })
	a.log.Info("demo appliance", "resource", resource, "broken", broken)
	return nil
}

// SetComponentDown makes /testall tell that a component is down, or no longer.
// It fails for a component that there is none of.
func (a *Appliance) SetComponentDown(component string, down bool) error {
	if !slices.Contains(ApplianceComponents(), component) {
		return fmt.Errorf("the appliance has no component %q: use one of %s", component, strings.Join(ApplianceComponents(), ", "))
	}
	a.set(func() { a.down[component] = down })
	a.log.Info("demo appliance", "component", component, "down", down)
	return nil
}

// SetKey puts another health key in the place of the one there is; there is only
// ever one.
func (a *Appliance) SetKey(key string) { a.set(func() { a.key = key }) }

// SetRestarting cuts off whoever asks for /status/, as the health service does
// for a while when its key was changed, or answers again.
func (a *Appliance) SetRestarting(on bool) { a.set(func() { a.restarting = on }) }

// SetUsedUp answers 429 to whoever asks for /status/, as while others use up the
// requests of each second, or answers again.
func (a *Appliance) SetUsedUp(on bool) { a.set(func() { a.usedUp = on }) }

// SetHost changes the name it gives itself.
func (a *Appliance) SetHost(host string) { a.set(func() { a.host = host }) }

// SetClock puts its clock ahead by the offset, or behind if that is negative.
func (a *Appliance) SetClock(offset time.Duration) { a.set(func() { a.offset = offset }) }

// Requests tells how often each route was asked, by pattern such as
// "GET /status/cpu"; what it does not serve is "other".
func (a *Appliance) Requests() map[string]uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	copied := make(map[string]uint64, len(a.requests))
	maps.Copy(copied, a.requests)
	return copied
}

func (a *Appliance) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}
