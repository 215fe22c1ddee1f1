package test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deed is an action as the audit trail tells it.
type deed struct{ event, target, detail string }

// tally counts actions.
type tally struct{ acknowledged, tookPlace, tookNoPlace int }

func (t *tally) add(o tally) {
	t.acknowledged += o.acknowledged
	t.tookPlace += o.tookPlace
	t.tookNoPlace += o.tookNoPlace
}

// operator acts on nodes and windows that no other operator touches, one action
// at a time.
type operator struct {
	url            string
	client         *http.Client
	nodes, windows []string
	count          int

	// kept is what was acknowledged and has to be in force, by node or window;
	// what is not there must not be in force.
	kept map[string]string
	// under is the action that had no answer.
	under *action
	// deeds are what must be on record, and how often.
	deeds   map[deed]int
	refused []string
	tally
}

// action is one that is not acknowledged yet.
type action struct {
	key string
	// would tells whether this may be in force because of it, "" for nothing.
	would func(inForce string) bool
	// deed tells what is on record if this is in force because of it.
	deed func(inForce string) deed
	// promised tells that the answer began with a yes.
	promised bool
}

func newOperator(i int, url string) *operator {
	o := &operator{
		url: url, client: &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{}},
		kept: map[string]string{}, deeds: map[deed]int{},
	}
	for j := range 3 {
		o.nodes = append(o.nodes, fmt.Sprintf("n%d-%d", i, j))
		o.windows = append(o.windows, fmt.Sprintf("w%d-%d", i, j))
	}
	return o
}

// act does something at random. It returns false when there was no answer.
func (o *operator) act() bool {
	o.count++
	node, window := o.nodes[rand.IntN(len(o.nodes))], o.windows[rand.IntN(len(o.windows))]
	switch n := rand.IntN(20); {
	case n == 0:
		return o.do(http.MethodPost, "/-/reload", "", action{
			would: func(string) bool { return true }, deed: func(string) deed { return deed{"reload", "", ""} },
		}, func([]byte) string { return "" })
	case n < 7:
		return o.drain(node)
	case n < 11:
		return o.do(http.MethodDelete, "/-/drain?node="+node, "", ending("drain", node, "off"), func([]byte) string { return "" })
	case n < 17 || o.kept[window] == "":
		return o.plan(window)
	default:
		return o.do(http.MethodDelete, "/-/windows/"+window, "", ending("window", window, "removed"), func([]byte) string { return "" })
	}
}

func ending(event, key, detail string) action {
	return action{
		key: key, would: func(inForce string) bool { return inForce == "" },
		deed: func(string) deed { return deed{event, key, detail} },
	}
}

func (o *operator) drain(node string) bool {
	begin, length := time.Now(), time.Duration(1+rand.IntN(600))*time.Minute
	a := action{
		key: node,
		would: func(inForce string) bool {
			until, err := time.Parse(time.RFC3339Nano, inForce)
			return err == nil && !until.Before(begin.Add(length)) && !until.After(time.Now().Add(length))
		},
		deed: func(inForce string) deed {
			until, _ := time.Parse(time.RFC3339Nano, inForce)
			return deed{"drain", node, "on until " + until.UTC().Format(time.RFC3339)}
		},
	}
	return o.do(http.MethodPost, fmt.Sprintf("/-/drain?node=%s&for=%dm", node, length/time.Minute), "", a, func(answer []byte) string {
		var d struct{ Until string }
		_ = json.Unmarshal(answer, &d)
		return d.Until
	})
}

// windowJSON is a window, as it is sent and as it is told.
type windowJSON struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Nodes   []string  `json:"nodes"`
	Comment string    `json:"comment"`
}

func (w windowJSON) String() string {
	return fmt.Sprintf("%s %s to %s on %v: %s", w.Name, w.Start.UTC().Format(time.RFC3339Nano), w.End.UTC().Format(time.RFC3339Nano), w.Nodes, w.Comment)
}

// plan makes a window, or replaces it: one that is open or one that is to come,
// with a name of its own.
func (o *operator) plan(id string) bool {
	begin := time.Now().Add(time.Duration(rand.IntN(48)-24) * time.Hour).Truncate(time.Second)
	w := windowJSON{
		ID: id, Name: fmt.Sprintf("%s-%d", id, o.count), Start: begin, End: begin.Add(72 * time.Hour),
		Nodes: o.nodes[:1+rand.IntN(len(o.nodes))], Comment: strings.Repeat("change ", rand.IntN(20)) + "!",
	}
	body, _ := json.Marshal(w)
	a := action{
		key: id, would: func(inForce string) bool { return inForce == w.String() },
		deed: func(string) deed {
			return deed{"window", id, fmt.Sprintf("%s to %s; nodes %s; %s", w.Start.UTC().Format(time.RFC3339), w.End.UTC().Format(time.RFC3339),
				strings.Join(w.Nodes, ", "), w.Name)}
		},
	}
	return o.do(http.MethodPost, "/-/windows", string(body), a, func(answer []byte) string {
		var stored windowJSON
		_ = json.Unmarshal(answer, &stored)
		return stored.String()
	})
}

// do asks for an action. What the answer says is in force is kept.
func (o *operator) do(method, path, body string, a action, told func(answer []byte) string) bool {
	req, err := http.NewRequestWithContext(context.Background(), method, o.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+testToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.GetBody = nil // nothing is sent twice
	resp, err := o.client.Do(req)
	if err != nil {
		o.under = &a
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode >= 300: // whole or not, it is a no
		o.refused = append(o.refused, fmt.Sprintf("%s %s: %d %s", method, path, resp.StatusCode, answer))
		return true
	case err != nil: // a yes, cut off before the text
		a.promised = true
		o.under = &a
		return false
	}
	inForce := told(answer)
	o.acknowledged++
	o.deeds[a.deed(inForce)]++
	if a.key == "" {
		return true
	}
	delete(o.kept, a.key)
	if inForce != "" {
		o.kept[a.key] = inForce
	}
	return true
}

// check compares what is in force with what was acknowledged.
func (o *operator) check(t *testing.T, inForce map[string]string) {
	t.Helper()
	for _, key := range slices.Concat(o.nodes, o.windows) {
		is, kept := inForce[key], o.kept[key]
		if o.under == nil || o.under.key != key {
			require.Equal(t, kept, is, "%s: acknowledged, and in force after the kill", key)
			continue
		}
		if is == kept && !o.under.promised {
			o.tookNoPlace++
			continue
		}
		require.True(t, o.under.would(is), "%s is %q after the kill: neither as acknowledged, %q, nor as asked for last", key, is, kept)
		o.tookPlace++
		o.deeds[o.under.deed(is)]++
		o.kept[key] = is
	}
	o.under = nil
	o.client.CloseIdleConnections()
}

// inForce tells the end of every drain and the text of every window, and
// requires that the probes go by them.
func (k *killed) inForce() map[string]string {
	k.t.Helper()
	ask := func(path string, into any) {
		k.t.Helper()
		code, body := k.get(path)
		require.Equal(k.t, http.StatusOK, code, body)
		require.NoError(k.t, json.Unmarshal([]byte(body), into), body)
	}
	var drains struct {
		Drains []struct{ Node, Until string }
	}
	var windows struct {
		Windows []struct {
			windowJSON
			Open bool
		}
	}
	var results struct {
		Results []struct{ Node, Suppressed string }
	}
	ask("/-/drain", &drains)
	ask("/api/v1/windows", &windows)
	ask("/api/v1/results", &results)
	all, cause := map[string]string{}, map[string]string{}
	for _, w := range windows.Windows {
		all[w.ID] = w.String()
		for _, n := range w.Nodes {
			if w.Open {
				cause[n] = "maintenance"
			}
		}
	}
	for _, d := range drains.Drains {
		all[d.Node] = d.Until
		cause[d.Node] = "drained"
	}
	require.NotEmpty(k.t, results.Results)
	for _, r := range results.Results {
		require.Equal(k.t, cause[r.Node], r.Suppressed, "node %q goes by drains and windows", r.Node)
	}
	return all
}
