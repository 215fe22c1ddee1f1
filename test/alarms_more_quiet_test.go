package test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// waitVerdict waits until the verdict of a probe on a node is so.
func (e *exporter) waitVerdict(probe, want string) {
	e.t.Helper()
	eventually(e.t, 20*time.Second, func() error {
		if got := e.results()[probe].Verdict; got != want {
			return fmt.Errorf("the verdict of %s is %q, want %q", probe, got, want)
		}
		return nil
	})
}

func (e *exporter) act(method, path string) {
	e.t.Helper()
	code, body := e.request(method, path, "")
	require.Equal(e.t, http.StatusOK, code, body)
}

// TestSuppressionStopsAlarmsFromBeginningAndNeverFromEnding drains one node, and
// has a window for another.
func TestSuppressionStopsAlarmsFromBeginningAndNeverFromEnding(t *testing.T) {
	t.Parallel()
	console := newHookConsole(t)
	nodes := [3]*node{newNode(t, "n1"), newNode(t, "n2"), newNode(t, "n3")}
	config := strings.Replace(nodesConfig(nodes), "- issuer:", "- name: site\n    issuer:", 1)
	e := serve(t, config+"alarms: {heartbeat: 0s}\nbridges:\n"+console.config("hook"))
	e.waitTestall("OK", 10*time.Second)
	for _, n := range nodes { // an exporter without a past clears what may stand
		console.waitTold(t, "site/"+n.name, "clear")
	}
	console.forget()
	onNode := func(node string) string { return fmt.Sprintf(`"node":%q`, node) }

	// What stands when the drain and the window begin ends within them.
	for _, n := range nodes[:2] {
		n.broken.Store(true)
		console.waitTold(t, "site/"+n.name, "raise")
	}
	e.alerts(alertOf("slow-n1", true, onNode("n1")), alertOf("slow-n2", true, onNode("n2")))
	console.waitTold(t, "slow-n1", "raise")
	console.waitTold(t, "slow-n2", "raise")
	e.act(http.MethodPost, "/-/drain?node=n1")
	e.window(t, map[string]any{"id": "work", "name": "work", "end": time.Now().Add(time.Hour).UTC(), "nodes": []string{"n2"}})
	for _, n := range nodes[:2] {
		require.Equal(t, "raise", console.told("site/"+n.name), "the alarm stands, since the node is ill")
		n.broken.Store(false)
		console.waitTold(t, "site/"+n.name, "raise clear")
	}
	e.alerts(alertOf("slow-n1", false, onNode("n1")), alertOf("slow-n2", false, onNode("n2")))
	console.waitTold(t, "slow-n1", "raise clear")
	console.waitTold(t, "slow-n2", "raise clear")

	// Within them, none begins. The third node shows that the others had their turn.
	for _, n := range nodes[:2] {
		n.broken.Store(true)
		e.waitVerdict("page@"+n.name, "fail")
	}
	e.alerts(alertOf("late-n1", true, onNode("n1")), alertOf("late-n2", true, onNode("n2")), alertOf("late-n3", true, onNode("n3")))
	nodes[2].broken.Store(true)
	console.waitTold(t, "site/n3", "raise")
	console.waitTold(t, "late-n3", "raise")
	for _, n := range []string{"n1", "n2"} {
		require.Equal(t, "raise clear", console.told("site/"+n))
		require.Empty(t, console.told("late-"+n))
	}
	// What ended meanwhile is not told of at all.
	e.alerts(alertOf("late-n2", false, onNode("n2")))

	// After them, what is still ill is told of.
	e.act(http.MethodPost, "/-/drain?node=n1&state=off")
	console.waitTold(t, "site/n1", "raise clear raise")
	console.waitTold(t, "late-n1", "raise")
	code, body := e.request(http.MethodDelete, "/-/windows/work", "")
	require.Less(t, code, 300, body)
	console.waitTold(t, "site/n2", "raise clear raise")
	require.Empty(t, console.told("late-n2"))
	for _, n := range nodes {
		n.broken.Store(false)
	}
	e.alerts(alertOf("late-n1", false, onNode("n1")), alertOf("late-n3", false, onNode("n3")))
	for target, want := range map[string]string{
		"site/n1": "raise clear raise clear", "site/n2": "raise clear raise clear", "site/n3": "raise clear", "late-n1": "raise clear", "late-n3": "raise clear",
	} {
		console.waitTold(t, target, want)
	}
}
