package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// healthy answers 200 as long as a restart of the exporter would mend nothing,
// and 503 with the names of the parts that are stuck otherwise.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request, _ access.Grant) {
	if stuck := s.options.Stuck(); len(stuck) > 0 {
		writeText(w, http.StatusServiceUnavailable, "stuck:\n"+strings.Join(stuck, "\n")+"\n")
		return
	}
	writeText(w, http.StatusOK, "OK\n")
}

// ready answers 503 and names the laggards until the exporter is ready.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request, _ access.Grant) {
	ok, laggards := s.options.Ready()
	if ok {
		writeText(w, http.StatusOK, "OK\n")
		return
	}
	text := "not ready\n"
	if len(laggards) > 0 {
		text = "not ready; waiting for:\n" + strings.Join(laggards, "\n") + "\n"
	}
	writeText(w, http.StatusServiceUnavailable, text)
}

// test tells the time, in milliseconds since the epoch, so that a caller sees
// both that the exporter answers and how far its clock is off.
func (s *Server) test(w http.ResponseWriter, _ *http.Request, _ access.Grant) {
	body := append(strconv.AppendInt([]byte(`{"clock": `), time.Now().UnixMilli(), 10), '}', '\n')
	h := w.Header()
	h.Set("Content-Type", typeJSON)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// metrics hands over to the collector.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request, _ access.Grant) {
	setPolicy(w.Header(), noPolicy)
	s.options.Metrics.ServeHTTP(w, r)
}
