package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// reload reads the configuration again. A failure leaves the running one in
// force and is told to the caller.
func (s *Server) reload(w http.ResponseWriter, r *http.Request, g access.Grant) {
	accepted, err := s.admin(w, r, g, audit.Record{Event: audit.EventReload}, func() error { return s.options.Reload(r.Context()) })
	if !accepted {
		return
	}
	if err != nil {
		writeText(w, http.StatusInternalServerError, "the configuration was not reloaded; the running one stays in force:\n"+
			s.options.Redact(err.Error())+"\n")
		return
	}
	writeText(w, http.StatusOK, "OK\n")
}

// demoList lists the demo's switches.
func (s *Server) demoList(w http.ResponseWriter, _ *http.Request, _ access.Grant) {
	writeJSON(w, http.StatusOK, typeJSON, map[string]any{"switches": s.options.Switches.List()})
}

// demoSet throws a switch of the demo: POST /demo/NAME/{on|off}.
func (s *Server) demoSet(w http.ResponseWriter, r *http.Request, _ access.Grant) {
	name, position, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/demo/"), "/")
	if position != "on" && position != "off" {
		refuse(w, http.StatusNotFound, "POST /demo/NAME/on breaks, POST /demo/NAME/off repairs; GET /demo lists the names")
		return
	}
	var known []string
	for _, sw := range s.options.Switches.List() {
		known = append(known, sw.Name)
	}
	if !slices.Contains(known, name) {
		refuse(w, http.StatusNotFound, "no such switch; there are "+strings.Join(known, ", "))
		return
	}
	if err := s.options.Switches.Set(name, position == "on"); err != nil {
		refuse(w, http.StatusInternalServerError, s.options.Redact(err.Error()))
		return
	}
	writeText(w, http.StatusOK, name+" is "+position+"\n")
}
