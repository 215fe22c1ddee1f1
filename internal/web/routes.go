package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// Route is one line of the table of routes.
type Route struct {
	// Path is exact, or with a final "/" (other than "/" itself) everything below.
	Path string
	// Scope is what a request needs. access.Public needs nothing.
	Scope access.Scope
	// Methods are the methods answered; any other is 405.
	Methods []string
	// Open is the word of access.Config.Open that opens the bare answer, "" if none does.
	Open string
	// Health tells that the health listener serves the route too.
	Health bool
}

// handlerFunc answers a request that was let in with the grant.
type handlerFunc func(w http.ResponseWriter, r *http.Request, g access.Grant)

type route struct {
	Route
	serve handlerFunc
	// bare tells that refusals have no body either.
	bare bool
	// about names, for the audit trail, what a request is about, in words of the
	// configuration alone; nil names nothing.
	about func(*http.Request) string
	// body bounds the request's body, in bytes; 0 is maxBody.
	body int64
	// resent tells that callers send again what is answered with a status of 500
	// or more, and nothing else.
	resent bool
}

// table holds every route there is. Nothing is served that is not in it, and
// add takes no route without a scope: the zero scope is carried by nobody.
type table struct {
	exact  map[string]*route
	below  []*route
	routes []*route
}

func (t *table) add(scope access.Scope, path, methods string, serve handlerFunc) *route {
	r := &route{Route: Route{Path: path, Scope: scope, Methods: strings.Fields(methods)}, serve: serve}
	t.routes = append(t.routes, r)
	if path != "/" && strings.HasSuffix(path, "/") {
		t.below = append(t.below, r)
		return r
	}
	if t.exact == nil {
		t.exact = make(map[string]*route)
	}
	t.exact[path] = r
	return r
}

func (t *table) find(path string) *route {
	if r, ok := t.exact[path]; ok {
		return r
	}
	for _, r := range t.below {
		if strings.HasPrefix(path, r.Path) {
			return r
		}
	}
	return nil
}

const (
	read  = "GET HEAD"
	write = "POST PUT"
)

// routes builds the one table of routes.
func (s *Server) buildRoutes() *table {
	t := &table{}
	t.add(access.Metrics, "/metrics", read, s.metrics)
	testall := t.add(access.Testall, "/testall", read, s.testall)
	testall.Open, testall.Health = access.OpenTestall, true
	test := t.add(access.Testall, "/test", read, s.test)
	test.Open, test.Health = access.OpenTest, true
	t.add(access.Public, "/-/healthy", read, s.healthy).Health = true
	t.add(access.Public, "/-/ready", read, s.ready).Health = true
	t.add(access.Admin, "/-/reload", write, s.reload)
	t.add(access.Admin, "/-/drain", read+" "+write+" DELETE", s.drain)
	t.add(access.Admin, "/-/windows", "POST", s.addWindow)
	t.add(access.Admin, "/-/windows/", "DELETE", s.removeWindow)
	t.add(access.Probe, "/probe", "GET", s.probe).about = s.probeOf
	t.add(access.Page, "/api/v1/probes", read, s.apiProbes)
	t.add(access.Page, "/api/v1/results", read, s.apiResults)
	t.add(access.Page, "/api/v1/windows", read, s.apiWindows)
	t.add(access.Page, "/api/v1/alarms", read, s.apiAlarms)
	hook := t.add(access.Bridge, "/bridge/alertmanager", "POST", newWebhook(s).alertmanager)
	hook.body, hook.resent = maxWebhook, true
	t.add(access.Admin, bridgesPath, "POST", s.testBridge)
	t.add(access.Admin, deadLettersPath, "POST", s.replay)
	t.add(access.Admin, deadLettersPath+"replay", "POST", s.replayAll)
	t.add(access.Page, "/", read, s.page)
	if s.options.Status != nil {
		t.add(access.Status, status.Path, read, s.status).bare = true
		t.add(access.Status, status.HealthPath, read, s.status).bare = true
	}
	if s.options.Switches != nil {
		t.add(access.Admin, "/demo", read, s.demoList)
		t.add(access.Admin, "/demo/", "POST", s.demoSet)
	}
	return t
}

// Routes lists the table of routes.
func (s *Server) Routes() []Route {
	list := make([]Route, 0, len(s.table.routes))
	for _, r := range s.table.routes {
		c := r.Route
		c.Methods = slices.Clone(c.Methods)
		list = append(list, c)
	}
	return list
}
