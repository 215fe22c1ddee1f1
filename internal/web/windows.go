package web

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

const windowsPath = "/-/windows/"

// apiWindows lists the windows, of the configuration and one-off.
func (s *Server) apiWindows(w http.ResponseWriter, _ *http.Request, _ access.Grant) {
	writeJSON(w, http.StatusOK, typeJSON, map[string]any{"windows": append([]maintenance.Status{}, s.options.Maintenance.Windows()...)})
}

// addWindow makes a one-off window, or replaces the one with the same id.
func (s *Server) addWindow(w http.ResponseWriter, r *http.Request, g access.Grant) {
	window, err := readWindow(r, time.Now())
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "the request's body is larger than this route takes")
		return
	case err != nil:
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	nodes, probes := s.known()
	problem := cmp.Or(missing("node", window.Nodes, append(nodes, maintenance.PublicNode)), missing("probe", window.Probes, probes))
	if problem != "" {
		refuse(w, http.StatusBadRequest, problem)
		return
	}
	code := http.StatusCreated
	if s.window(window.ID) {
		code = http.StatusOK
	}
	window.ID, window.By = cmp.Or(window.ID, rand.Text()), g.Name
	stored := maintenance.Window{}
	if !s.change(w, r, g, audit.Record{Event: audit.EventWindow, Target: window.ID, Detail: windowText(window)}, func() (err error) {
		stored, err = s.options.Maintenance.AddWindow(r.Context(), window)
		return err
	}) {
		return
	}
	w.Header().Set("Location", windowsPath+stored.ID)
	writeJSON(w, code, typeJSON, maintenance.Status{Window: stored, Open: !stored.Start.After(time.Now())})
}

// removeWindow ends a one-off window before its time: DELETE /-/windows/ID.
func (s *Server) removeWindow(w http.ResponseWriter, r *http.Request, g access.Grant) {
	id := strings.TrimPrefix(r.URL.Path, windowsPath)
	if !s.window(id) {
		refuse(w, http.StatusNotFound, "no one-off window has this id; /api/v1/windows lists them. It has ended, was removed, or comes from the configuration")
		return
	}
	if s.change(w, r, g, audit.Record{Event: audit.EventWindow, Target: id, Detail: "removed"}, func() error {
		return s.options.Maintenance.RemoveWindow(r.Context(), id)
	}) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// window tells whether there is a one-off window with the id.
func (s *Server) window(id string) bool {
	return id != "" && slices.ContainsFunc(s.options.Maintenance.Windows(), func(w maintenance.Status) bool { return w.ID == id })
}

// windowID is what an id may be, which stands in a path.
var windowID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// readWindow reads a window that begins now if it does not say when.
func readWindow(r *http.Request, now time.Time) (maintenance.Window, error) {
	var w maintenance.Window
	var start, end, length string
	if err := readObject(r, map[string]any{
		"id": &w.ID, "name": &w.Name, "start": &start, "end": &end, "for": &length, "nodes": &w.Nodes, "probes": &w.Probes, "comment": &w.Comment,
	}); err != nil {
		return w, err
	}
	if w.ID != "" && !windowID.MatchString(w.ID) {
		return w, errors.New("id: write up to 64 letters, digits, dots, dashes and underscores, a letter or digit first")
	}
	var err error
	if w.Start = now; start != "" {
		if w.Start, err = readTime(start); err != nil {
			return w, fmt.Errorf("start: %w", err)
		}
	}
	switch {
	case (end == "") == (length == ""):
		return w, errors.New("give either end or for: the window has to end")
	case end != "":
		if w.End, err = readTime(end); err != nil {
			return w, fmt.Errorf("end: %w", err)
		}
	default:
		d, err := readLength(length)
		if err != nil {
			return w, fmt.Errorf("for: %w", err)
		}
		w.End = w.Start.Add(d)
	}
	return w, nil
}

func readTime(s string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil || t.Year() < 2000 {
		return time.Time{}, errors.New("write date, time and zone, as in 2031-02-01T21:00:00Z or 2031-02-01T22:00:00+01:00 (RFC 3339)")
	}
	return t, nil
}

// windowText sums a window up for the audit trail.
func windowText(w maintenance.Window) string {
	text := fmt.Sprintf("%s to %s", w.Start.UTC().Format(time.RFC3339), w.End.UTC().Format(time.RFC3339))
	for _, part := range []struct {
		what  string
		names []string
	}{{"nodes", w.Nodes}, {"probes", w.Probes}} {
		if len(part.names) > 0 {
			text += "; " + part.what + " " + listed(part.names)
		}
	}
	if w.Name != "" {
		text += "; " + w.Name
	}
	return text
}
