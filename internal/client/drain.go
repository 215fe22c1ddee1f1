package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func drainQuestion(method string, query url.Values) question {
	q := question{method: method, path: "/-/drain", query: query, scope: "admin", about: "drains"}
	if method != http.MethodGet {
		q.unsure = "ask with `idp_exporter drain status`, or run the command again, which does no harm"
	}
	return q
}

// Drain tells whether a node is drained.
type Drain struct {
	// Node is its name, empty for the exporter's own answer.
	Node    string `json:"node"`
	Drained bool   `json:"drained"`
	// Since is when it was drained; Until when the drain ends by itself, zero for never.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// By is the name of the credential that asked for it.
	By string `json:"by"`
}

// Drain takes a node out of its load balancer, for a time as Prometheus writes
// it or, if that is empty, until Undrain. Node "" is the exporter's own answer.
// It returns what is in force, which then is on the exporter's disk.
func (c *Client) Drain(ctx context.Context, node, length string) (Drain, error) {
	query := about(node)
	query.Set("state", "on")
	if length != "" {
		query.Set("for", length)
	}
	var d Drain
	return d, c.do(ctx, drainQuestion(http.MethodPost, query), &d)
}

// Undrain puts a node back; for one that is not drained it does nothing.
func (c *Client) Undrain(ctx context.Context, node string) (Drain, error) {
	var d Drain
	return d, c.do(ctx, drainQuestion(http.MethodDelete, about(node)), &d)
}

// Drained tells how a node stands. For node "" the answer is about the
// exporter's own.
func (c *Client) Drained(ctx context.Context, node string) (Drain, error) {
	if node == "" {
		node = "public"
	}
	var d Drain
	return d, c.do(ctx, drainQuestion(http.MethodGet, about(node)), &d)
}

// Drains are all that is drained.
type Drains []Drain

// String tells what is in force in a line each.
func (l Drains) String() string {
	if len(l) == 0 {
		return "nothing is drained"
	}
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// Drains lists all that is drained.
func (c *Client) Drains(ctx context.Context) (Drains, error) {
	var list struct {
		Drains Drains `json:"drains"`
	}
	err := c.do(ctx, drainQuestion(http.MethodGet, nil), &list)
	return list.Drains, err
}

func about(node string) url.Values {
	if node == "" {
		return url.Values{}
	}
	return url.Values{"node": {node}}
}

// String tells in one line what is in force.
func (d Drain) String() string { return d.at(time.Now()) }

func (d Drain) at(now time.Time) string {
	node, by := plain([]byte(d.Node)), plain([]byte(d.By))
	what, option := "node "+node, " --node="+node
	if d.Node == "" {
		what, option = "the exporter's own answer", ""
	}
	if !d.Drained {
		return what + " is not drained"
	}
	line := what + " is drained until "
	if d.Until.IsZero() {
		line += "`idp_exporter drain off" + option + "`"
	} else {
		line += d.Until.UTC().Format(time.RFC3339) + " (" + d.Until.Sub(now).Round(time.Second).String() + " from now)"
	}
	if by != "" {
		line += ", by " + by
	}
	return line
}
