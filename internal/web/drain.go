package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// The shortest and the longest drain that ends by itself.
const (
	minDrain = time.Second
	maxDrain = 90 * 24 * time.Hour
)

// drainJSON tells whether a node is drained, and since and until when.
type drainJSON struct {
	Node    string     `json:"node"`
	Drained bool       `json:"drained"`
	Since   *time.Time `json:"since,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	By      string     `json:"by,omitempty"`
}

func drainOf(d maintenance.Drain) drainJSON {
	return drainJSON{d.Node, true, timeOrNil(d.Since), timeOrNil(d.Until), d.By}
}

// drain takes a node out of its load balancer (POST, PUT), puts it back
// (DELETE, or state=off) and tells what is drained (GET). The answer is what is
// in force, and is written when that is on disk.
func (s *Server) drain(w http.ResponseWriter, r *http.Request, g access.Grant) {
	ask, err := readDrain(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	drains := s.options.Maintenance.Drains()
	if ask.list {
		list := make([]drainJSON, 0, len(drains))
		for _, d := range drains {
			list = append(list, drainOf(d))
		}
		writeJSON(w, http.StatusOK, typeJSON, map[string]any{"drains": list})
		return
	}
	// A node that was drained and then left the configuration can still be put back.
	gone := !ask.on && slices.ContainsFunc(drains, func(d maintenance.Drain) bool { return d.Node == ask.node })
	if ask.node != "" && !gone {
		nodes, _ := s.known()
		if problem := missing("node", []string{ask.node}, nodes); problem != "" {
			refuse(w, http.StatusNotFound, problem+"; without node= it is the exporter's own answer")
			return
		}
	}
	if ask.change && !s.changeDrain(w, r, g, ask) {
		return
	}
	answer := drainJSON{Node: ask.node}
	for _, d := range s.options.Maintenance.Drains() {
		if d.Node == ask.node {
			answer = drainOf(d)
		}
	}
	writeJSON(w, http.StatusOK, typeJSON, answer)
}

func (s *Server) changeDrain(w http.ResponseWriter, r *http.Request, g access.Grant, ask drainRequest) bool {
	until, detail := time.Time{}, "off"
	switch {
	case ask.on && ask.length > 0:
		until = time.Now().Add(ask.length)
		detail = "on until " + until.UTC().Format(time.RFC3339)
	case ask.on:
		detail = "on until turned off"
	}
	return s.change(w, r, g, audit.Record{Event: audit.EventDrain, Target: spelled(ask.node), Detail: detail}, func() error {
		if ask.on {
			return s.options.Maintenance.Drain(r.Context(), ask.node, until, g.Name)
		}
		return s.options.Maintenance.Undrain(r.Context(), ask.node)
	})
}

// change notes a change of drains or windows, makes it, and tells the caller if
// it was not made.
func (s *Server) change(w http.ResponseWriter, r *http.Request, g access.Grant, what audit.Record, act func() error) bool {
	accepted, err := s.admin(w, r, g, what, func() error {
		defer s.options.State.SuppressionChanged()
		return act()
	})
	if !accepted || err == nil {
		return accepted
	}
	code := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, maintenance.ErrInvalid):
		code = http.StatusBadRequest
	case errors.Is(err, maintenance.ErrUnknownWindow):
		code = http.StatusNotFound
	}
	refuse(w, code, s.options.Redact(err.Error()))
	return false
}

type drainRequest struct {
	node             string
	list, change, on bool
	length           time.Duration // 0 for no end
}

// readDrain is strict, since a slip of the pen would drain the wrong thing: an
// unset shell variable, the whole exporter.
func readDrain(r *http.Request) (ask drainRequest, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return ask, errors.New("the query cannot be read")
	}
	takes := map[string][]string{http.MethodPost: {"node", "for", "state"}, http.MethodPut: {"node", "for", "state"}}[r.Method]
	if takes == nil {
		takes = []string{"node"}
	}
	for key, values := range query {
		switch {
		case !slices.Contains(takes, key):
			return ask, fmt.Errorf("unknown parameter %q; %s takes %s", shorten(key), r.Method, strings.Join(takes, ", "))
		case len(values) > 1:
			return ask, fmt.Errorf("%s= stands twice; give it once", key)
		case values[0] == "":
			return ask, fmt.Errorf("%s= is empty; leave it out if that is what you mean", key)
		}
	}
	if n, _ := io.ReadFull(r.Body, make([]byte, 1)); n > 0 {
		return ask, errors.New("give the parameters in the query, as in /-/drain?node=n1&for=30m; a body is not read")
	}
	ask.node = meant(query.Get("node"))
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		ask.list = !query.Has("node")
		return ask, nil
	case http.MethodDelete:
		ask.change = true
		return ask, nil
	}
	ask.change = true
	switch state := query.Get("state"); state {
	case "", "on":
		ask.on = true
	case "off":
		if query.Has("for") {
			return ask, errors.New("for= says how long a drain lasts and goes with state=on")
		}
	default:
		return ask, fmt.Errorf("state=%q; use on or off", shorten(state))
	}
	if length := query.Get("for"); length != "" {
		ask.length, err = readLength(length)
		if err != nil {
			return ask, fmt.Errorf("for=%q: %w", shorten(length), err)
		}
		if ask.length < minDrain || ask.length > maxDrain {
			return ask, fmt.Errorf("for=%q; a drain lasts from 1s to 90d, or, without for=, until it is turned off", shorten(length))
		}
	}
	return ask, nil
}

// readLength reads a duration as Prometheus writes it.
func readLength(s string) (time.Duration, error) {
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0, errors.New("give a duration such as 30m, 1h30m or 2d")
	}
	return time.Duration(d), nil
}
