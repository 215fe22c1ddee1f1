package web

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Alarms keeps alarms and delivers them. internal/alarm's Engine is one, and
// tells what each method does.
type Alarms interface {
	Handle(ctx context.Context, body io.Reader) (alarm.Outcome, error)
	Alarms() []alarm.View
	Deliveries() []alarm.Delivery
	Test(ctx context.Context, bridge string) (alarm.Report, error)
	Replay(ctx context.Context, id string) error
	ReplayAll(ctx context.Context) int
}

// noAlarms keeps none and has no bridge.
type noAlarms struct{}

func (noAlarms) Handle(context.Context, io.Reader) (alarm.Outcome, error) {
	return alarm.Outcome{}, errors.New("this exporter keeps no alarms")
}
func (noAlarms) Alarms() []alarm.View         { return nil }
func (noAlarms) Deliveries() []alarm.Delivery { return nil }
func (noAlarms) Test(context.Context, string) (alarm.Report, error) {
	return alarm.Report{}, alarm.ErrNoBridge
}
func (noAlarms) Replay(context.Context, string) error { return alarm.ErrNoDeadLetter }
func (noAlarms) ReplayAll(context.Context) int        { return 0 }

type alarmJSON struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Severity probes.Severity   `json:"severity"`
	Target   string            `json:"target"`
	Text     string            `json:"text"`
	Probe    string            `json:"probe"`
	Node     string            `json:"node"`
	Reason   string            `json:"reason"`
	Runbook  string            `json:"runbook"`
	Raised   *time.Time        `json:"raised"`
	Changed  *time.Time        `json:"changed"`
	Sequence uint64            `json:"sequence"`
	Active   bool              `json:"active"`
	Stale    bool              `json:"stale"`
	Sources  int               `json:"sources"`
	Labels   map[string]string `json:"labels,omitempty"`
}

type deliveryJSON struct {
	Bridge        string     `json:"bridge"`
	Kind          string     `json:"kind"`
	Destination   string     `json:"destination"`
	Acknowledged  bool       `json:"acknowledged"`
	Proof         string     `json:"proof"`
	Pending       int        `json:"pending"`
	Oldest        *time.Time `json:"oldest,omitempty"`
	Failures      int        `json:"failures"`
	LastError     string     `json:"last_error,omitempty"`
	LastErrorTime *time.Time `json:"last_error_time,omitempty"`
	DeadLetters   int        `json:"dead_letters"`
}

type deadLetterJSON struct {
	ID          string     `json:"id"`
	Bridge      string     `json:"bridge"`
	Destination string     `json:"destination"`
	Event       string     `json:"event"`
	Alarm       string     `json:"alarm"`
	Name        string     `json:"name"`
	Sequence    uint64     `json:"sequence"`
	Error       string     `json:"error"`
	Time        *time.Time `json:"time"`
}

func alarmOf(v alarm.View) alarmJSON {
	return alarmJSON{
		ID: v.ID, Name: v.Name, Severity: v.Severity, Target: v.Target, Text: v.Text, Probe: v.Probe, Node: v.Node, Reason: v.Reason,
		Runbook: v.Runbook, Raised: timeOrNil(v.Raised), Changed: timeOrNil(v.Changed), Sequence: v.Sequence, Active: v.Active,
		Stale: v.Stale, Sources: v.Sources, Labels: v.Labels,
	}
}

func (s *Server) deliveryOf(d alarm.Delivery) deliveryJSON {
	return deliveryJSON{
		Bridge: d.Bridge, Kind: d.Kind, Destination: d.Destination, Acknowledged: d.Acknowledged, Proof: d.Proof, Pending: d.Pending,
		Oldest: timeOrNil(d.Oldest), Failures: d.Failures, LastError: s.options.Redact(d.LastError), LastErrorTime: timeOrNil(d.LastErrorAt),
		DeadLetters: len(d.DeadLetters),
	}
}

func (s *Server) deadLetterOf(d alarm.DeadLetter) deadLetterJSON {
	return deadLetterJSON{
		ID: d.ID, Bridge: d.Bridge, Destination: d.Destination, Event: string(d.Event.Kind), Alarm: d.Event.Alarm.ID, Name: d.Event.Alarm.Name,
		Sequence: d.Event.Sequence, Error: s.options.Redact(d.Error), Time: timeOrNil(d.Time),
	}
}

// apiAlarms lists alarms, deliveries and dead letters. There may be thousands
// of alarms, so none but the one being written is held as text.
func (s *Server) apiAlarms(w http.ResponseWriter, r *http.Request, _ access.Grant) {
	ask, err := readAlarms(r)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, typeJSON, map[string]string{"error": err.Error()})
		return
	}
	alarms := slices.DeleteFunc(s.options.Alarms.Alarms(), func(v alarm.View) bool { return ask.active && !v.Active })
	deliveries := s.options.Alarms.Deliveries()
	setPolicy(w.Header(), noPolicy)
	w.Header().Set("Content-Type", typeJSON)
	b := bufio.NewWriter(w)
	_, _ = fmt.Fprintf(b, "{\n\"total\": %d,\n", len(alarms))
	writeList(b, "alarms", alarms[:min(ask.limit, len(alarms))], alarmOf)
	_, _ = b.WriteString(",\n")
	writeList(b, "deliveries", deliveries, s.deliveryOf)
	_, _ = b.WriteString(",\n")
	writeList(b, "dead_letters", deadLetters(deliveries), s.deadLetterOf)
	_, _ = b.WriteString("\n}\n")
	_ = b.Flush() // a bufio.Writer keeps its first error; whoever asked has left
}

// deadLetters are those of all destinations, the latest first.
func deadLetters(deliveries []alarm.Delivery) (all []alarm.DeadLetter) {
	for _, d := range deliveries {
		all = append(all, d.DeadLetters...)
	}
	slices.SortStableFunc(all, func(a, b alarm.DeadLetter) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(a.ID, b.ID)) })
	return all
}

// writeList writes a member that is a list, an element a line.
func writeList[T, J any](b *bufio.Writer, name string, list []T, as func(T) J) {
	_, _ = fmt.Fprintf(b, "%q: [", name)
	for i, element := range list {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		_ = b.WriteByte('\n')
		line, _ := json.Marshal(as(element)) // texts, numbers and times always marshal
		if _, err := b.Write(line); err != nil {
			return
		}
	}
	_, _ = b.WriteString("\n]")
}

type alarmsRequest struct {
	active bool
	limit  int
}

// readAlarms is strict: a console that misspells state= would be told of alarms
// that are over.
func readAlarms(r *http.Request) (ask alarmsRequest, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return ask, errors.New("the query cannot be read")
	}
	ask.limit = math.MaxInt
	for key, values := range query {
		if len(values) > 1 {
			return ask, fmt.Errorf("%s= stands twice; give it once", shorten(key))
		}
		switch value := values[0]; key {
		case "state":
			if value != "active" && value != "all" {
				return ask, fmt.Errorf("state=%q; use active or all", shorten(value))
			}
			ask.active = value == "active"
		case "limit":
			if ask.limit, err = strconv.Atoi(value); err != nil || ask.limit < 0 {
				return ask, fmt.Errorf("limit=%q; give the number of alarms to list, 0 or more", shorten(value))
			}
		default:
			return ask, fmt.Errorf("unknown parameter %q; there are state and limit", shorten(key))
		}
	}
	return ask, nil
}
