package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// BridgeReport is what a test of a bridge has shown.
type BridgeReport struct {
	Bridge string `json:"bridge"`
	// ID is that of the test alarm.
	ID string `json:"id"`
	// OK tells that every destination took the alarm and its clear.
	OK           bool                `json:"ok"`
	Destinations []DestinationReport `json:"destinations"`
}

// DestinationReport is what it has shown of one destination.
type DestinationReport struct {
	Destination string `json:"destination"`
	OK          bool   `json:"ok"`
	// Acknowledged tells that the destination says when it has an alarm; Proof is
	// what it proves that nothing went wrong.
	Acknowledged bool   `json:"acknowledged"`
	Proof        string `json:"proof"`
	// RaiseError and ClearError are what went wrong with the alarm and its clear.
	RaiseError string `json:"raise_error"`
	ClearError string `json:"clear_error"`
	// Duration is how long both took, in seconds.
	Duration float64 `json:"duration_seconds"`
}

// TestBridge raises and clears a test alarm on every destination of a bridge.
func (c *Client) TestBridge(ctx context.Context, name string) (BridgeReport, error) {
	var r BridgeReport
	q, err := alarmQuestion("/-/bridges/", name, "/test")
	if err != nil {
		return r, err
	}
	q.unsure = "look for an alarm named test in the console, or run the command again, perhaps with a longer --timeout"
	return r, c.do(ctx, q, &r)
}

// Replay has the dead letter of an ID delivered again.
func (c *Client) Replay(ctx context.Context, id string) error {
	q, err := alarmQuestion("/-/dead-letters/", id, "/replay")
	if err != nil {
		return err
	}
	_, err = c.replay(ctx, q)
	return err
}

// ReplayAll has all dead letters delivered again and returns how many there were.
func (c *Client) ReplayAll(ctx context.Context) (int, error) {
	return c.replay(ctx, question{method: http.MethodPost, path: "/-/dead-letters/replay", scope: "admin", about: "dead letters"})
}

func (c *Client) replay(ctx context.Context, q question) (int, error) {
	q.unsure = "ask with `idp_exporter bridge list`"
	var answer struct {
		Replayed int `json:"replayed"`
	}
	err := c.do(ctx, q, &answer)
	return answer.Replayed, err
}

// alarmQuestion puts a name into a path, in which some names cannot stand.
func alarmQuestion(before, name, after string) (question, error) {
	if strings.Trim(name, ".") == "" {
		return question{}, errors.New("give a name; `idp_exporter bridge list` lists them")
	}
	return question{method: http.MethodPost, path: before + url.PathEscape(name) + after, scope: "admin", about: "bridges"}, nil
}

// String tells people what is proven of each destination and what is not.
func (r BridgeReport) String() string {
	id := plain([]byte(r.ID))
	lines := []string{fmt.Sprintf("bridge %s: test alarm %s, and its clear", plain([]byte(r.Bridge)), id)}
	for _, d := range r.Destinations {
		lines = append(lines, d.lines(id)...)
	}
	return strings.Join(lines, "\n")
}

func (d DestinationReport) lines(id string) []string {
	took := time.Duration(d.Duration * float64(time.Second)).Round(time.Millisecond)
	say := func(what string) string {
		return fmt.Sprintf("  %s: %s (%s)", plain([]byte(d.Destination)), what, took)
	}
	switch proof := plain([]byte(d.Proof)); {
	case !d.OK:
		return []string{say("FAILED"), failed("the alarm", d.RaiseError), failed("its clear", d.ClearError)}
	case d.Acknowledged:
		return []string{say("arrived"), "    proven: " + proof}
	default:
		return []string{say("sent"), "    not proven that it arrived: " + proof, "    look for " + id + " in the console"}
	}
}

func failed(what, why string) string {
	if why == "" {
		return "    " + what + " was taken"
	}
	return "    " + what + " was not taken: " + plain([]byte(why))
}
