package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

const (
	bridgesPath     = "/-/bridges/"
	deadLettersPath = "/-/dead-letters/"
	// bridgeTestTime bounds the test of a bridge: the alarm and its clear may
	// take half a minute each, and may wait as long for a delivery under way.
	bridgeTestTime = 110 * time.Second
)

type reportJSON struct {
	Bridge       string                  `json:"bridge"`
	ID           string                  `json:"id"`
	OK           bool                    `json:"ok"`
	Destinations []destinationReportJSON `json:"destinations"`
}

type destinationReportJSON struct {
	Destination  string  `json:"destination"`
	OK           bool    `json:"ok"`
	Acknowledged bool    `json:"acknowledged"`
	Proof        string  `json:"proof"`
	RaiseError   string  `json:"raise_error,omitempty"`
	ClearError   string  `json:"clear_error,omitempty"`
	Duration     float64 `json:"duration_seconds"`
}

func (s *Server) reportOf(r alarm.Report) reportJSON {
	j := reportJSON{Bridge: r.Bridge, ID: r.ID, OK: r.OK(), Destinations: []destinationReportJSON{}}
	for _, d := range r.Destinations {
		j.Destinations = append(j.Destinations, destinationReportJSON{
			Destination: d.Destination, OK: d.Raise == "" && d.Clear == "", Acknowledged: d.Acknowledged, Proof: d.Proof,
			RaiseError: s.options.Redact(d.Raise), ClearError: s.options.Redact(d.Clear), Duration: d.Duration.Seconds(),
		})
	}
	return j
}

// testBridge raises and clears a test alarm: POST /-/bridges/NAME/test.
func (s *Server) testBridge(w http.ResponseWriter, r *http.Request, g access.Grant) {
	name, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, bridgesPath), "/test")
	if !ok || name == "" {
		refuse(w, http.StatusNotFound, "POST /-/bridges/NAME/test tries a bridge")
		return
	}
	if problem := missing("bridge", []string{name}, s.bridges()); problem != "" {
		refuse(w, http.StatusNotFound, problem)
		return
	}
	// A caller who leaves does not keep the clear from following the alarm.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), bridgeTestTime)
	defer cancel()
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})
	var report alarm.Report
	accepted, err := s.admin(w, r, g, audit.Record{Event: audit.EventAlarm, Target: name, Detail: "test alarm and its clear"}, func() (err error) {
		if report, err = s.options.Alarms.Test(ctx, name); err == nil {
			err = notTaken(report)
		}
		return err
	})
	_ = control.SetWriteDeadline(time.Now().Add(s.times.write))
	switch {
	case !accepted:
	case report.ID == "":
		refuse(w, http.StatusServiceUnavailable, s.options.Redact(err.Error()))
	default:
		writeJSON(w, http.StatusOK, typeJSON, s.reportOf(report))
	}
}

// notTaken names the destinations that did not take the test alarm or its clear.
func notTaken(r alarm.Report) error {
	if r.OK() {
		return nil
	}
	var names []string
	for _, d := range r.Destinations {
		if d.Raise != "" || d.Clear != "" {
			names = append(names, d.Destination)
		}
	}
	return errors.New("not taken by " + listed(names))
}

// bridges are the names of those configured.
func (s *Server) bridges() (names []string) {
	for _, d := range s.options.Alarms.Deliveries() {
		if !slices.Contains(names, d.Bridge) {
			names = append(names, d.Bridge)
		}
	}
	return names
}

// replay has a dead letter delivered again: POST /-/dead-letters/ID/replay.
func (s *Server) replay(w http.ResponseWriter, r *http.Request, g access.Grant) {
	id, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, deadLettersPath), "/replay")
	letters := deadLetters(s.options.Alarms.Deliveries())
	if i := slices.IndexFunc(letters, func(d alarm.DeadLetter) bool { return d.ID == id }); !ok || i < 0 {
		refuse(w, http.StatusNotFound, noLetter)
		return
	}
	accepted, err := s.admin(w, r, g, audit.Record{Event: audit.EventAlarm, Target: id, Detail: "replay of a dead letter"}, func() error {
		return s.options.Alarms.Replay(r.Context(), id)
	})
	switch {
	case !accepted:
	case errors.Is(err, alarm.ErrNoDeadLetter): // replayed by another meanwhile
		refuse(w, http.StatusNotFound, noLetter)
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, s.options.Redact(err.Error()))
	default:
		writeJSON(w, http.StatusOK, typeJSON, map[string]int{"replayed": 1})
	}
}

const noLetter = "there is no such dead letter; /api/v1/alarms lists them, and POST /-/dead-letters/replay is all of them"

// replayAll has all dead letters delivered again.
func (s *Server) replayAll(w http.ResponseWriter, r *http.Request, g access.Grant) {
	n := 0
	if accepted, _ := s.admin(w, r, g, audit.Record{Event: audit.EventAlarm, Target: "all", Detail: "replay of all dead letters"}, func() error {
		n = s.options.Alarms.ReplayAll(r.Context())
		return nil
	}); accepted {
		writeJSON(w, http.StatusOK, typeJSON, map[string]int{"replayed": n})
	}
}
