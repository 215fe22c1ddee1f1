package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Alarms are alarms, how destinations stand, and what they refused for good.
type Alarms struct {
	// Total is how many alarms there are; Alarms may be fewer.
	Total       int          `json:"total"`
	Alarms      []Alarm      `json:"alarms"`
	Deliveries  []Delivery   `json:"deliveries"`
	DeadLetters []DeadLetter `json:"dead_letters"`
}

// Alarm is one alarm, active or until lately so.
type Alarm struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Severity string            `json:"severity"`
	Target   string            `json:"target"`
	Text     string            `json:"text"`
	Probe    string            `json:"probe"`
	Node     string            `json:"node"`
	Reason   string            `json:"reason"`
	Runbook  string            `json:"runbook"`
	Raised   time.Time         `json:"raised"`
	Changed  time.Time         `json:"changed"`
	Sequence uint64            `json:"sequence"`
	Active   bool              `json:"active"`
	Stale    bool              `json:"stale"`
	Sources  int               `json:"sources"`
	Labels   map[string]string `json:"labels"`
}

// Delivery is how one destination stands.
type Delivery struct {
	Bridge       string `json:"bridge"`
	Kind         string `json:"kind"`
	Destination  string `json:"destination"`
	Acknowledged bool   `json:"acknowledged"`
	Proof        string `json:"proof"`
	// Pending is how many alarms it is still to be told of, the oldest of them
	// since Oldest, zero if there is none.
	Pending int       `json:"pending"`
	Oldest  time.Time `json:"oldest"`
	// Failures counts failed attempts in a row.
	Failures      int       `json:"failures"`
	LastError     string    `json:"last_error"`
	LastErrorTime time.Time `json:"last_error_time"`
	DeadLetters   int       `json:"dead_letters"`
}

// DeadLetter is what a destination has refused for good.
type DeadLetter struct {
	ID          string    `json:"id"`
	Bridge      string    `json:"bridge"`
	Destination string    `json:"destination"`
	Event       string    `json:"event"`
	Alarm       string    `json:"alarm"`
	Name        string    `json:"name"`
	Sequence    uint64    `json:"sequence"`
	Error       string    `json:"error"`
	Time        time.Time `json:"time"`
}

// Alarms asks for at most limit alarms, active or not, and for all deliveries
// and dead letters.
func (c *Client) Alarms(ctx context.Context, limit int) (Alarms, error) {
	var a Alarms
	return a, c.do(ctx, question{
		method: http.MethodGet, path: "/api/v1/alarms", query: url.Values{"limit": {strconv.Itoa(limit)}}, scope: "page", about: "alarms",
	}, &a)
}

// Bridges tells people how destinations stand and of dead letters.
func (a Alarms) Bridges() string { return a.bridges(time.Now()) }

func (a Alarms) bridges(now time.Time) string {
	if len(a.Deliveries) == 0 {
		return "no bridge is configured"
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) }
	row("BRIDGE", "KIND", "DESTINATION", "ACKNOWLEDGES", "WAITING", "FOR", "FAILURES", "LAST ERROR")
	for _, d := range a.Deliveries {
		row(plain([]byte(d.Bridge)), plain([]byte(d.Kind)), plain([]byte(d.Destination)), map[bool]string{true: "yes", false: "no"}[d.Acknowledged],
			strconv.Itoa(d.Pending), since(d.Oldest, now), strconv.Itoa(d.Failures), lastError(d, now))
	}
	_ = t.Flush()
	for _, d := range a.DeadLetters {
		_, _ = fmt.Fprintf(&b, "dead letter %s: %s/%s refused the %s of %s (%s) %s ago: %s\n", plain([]byte(d.ID)), plain([]byte(d.Bridge)),
			plain([]byte(d.Destination)), plain([]byte(d.Event)), plain([]byte(d.Name)), plain([]byte(d.Alarm)), since(d.Time, now), plain([]byte(d.Error)))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func since(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return max(now.Sub(at), 0).Round(time.Second).String()
}

func lastError(d Delivery, now time.Time) string {
	if d.LastError == "" {
		return "-"
	}
	return plain([]byte(d.LastError)) + " (" + since(d.LastErrorTime, now) + " ago)"
}
