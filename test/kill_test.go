package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killed is an exporter that is killed again and again while operators drain
// nodes, plan windows and reload the configuration.
type killed struct {
	*exporter
	t       *testing.T
	address string
	dir     string
	// operators act at the same time, each on nodes and windows of its own.
	operators []*operator
	// starts counts the kills during the start.
	starts int
}

const operatorsAtOnce = 4

func newKilled(t *testing.T) *killed {
	t.Helper()
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(target.Close)
	k := &killed{t: t, address: "127.0.0.1:" + steadyPort(t), dir: t.TempDir()}
	var nodes strings.Builder
	for i := range operatorsAtOnce {
		o := newOperator(i, "http://"+k.address)
		k.operators = append(k.operators, o)
		for _, n := range o.nodes {
			fmt.Fprintf(&nodes, "      - {name: %s, address: %q}\n", n, target.Listener.Addr())
		}
	}
	writeFile(t, k.dir, "c.yml", fmt.Sprintf(`providers:
  - issuer: http://login.example.invalid
    nodes:
%sprobes:
  - {name: page, kind: http, url: /, every: 1s}
audit: {file: {path: audit.jsonl}}
%s  rate_limit: {per_second: 0}
`, nodes.String(), strings.TrimPrefix(accessFor(testToken), "\n")))
	k.start()
	return k
}

func (k *killed) start() {
	k.t.Helper()
	p := start(k.t, binary(k.t), "serve", "--config.file="+filepath.Join(k.dir, "c.yml"),
		"--web.listen-address="+k.address, "--storage.path="+filepath.Join(k.dir, "data"))
	k.exporter = &exporter{process: p, url: "http://" + k.address, token: testToken}
}

// kill ends the exporter in the middle of whatever it does.
func (k *killed) kill() {
	k.t.Helper()
	_, err := k.end(syscall.SIGKILL)
	require.Error(k.t, err)
}

// round lets the operators act until the exporter is killed, and starts it again.
func (k *killed) round() {
	k.t.Helper()
	stop := make(chan struct{})
	var acting sync.WaitGroup
	for _, o := range k.operators {
		acting.Go(func() {
			for o.act() {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	time.Sleep(time.Duration(20+rand.IntN(200)) * time.Millisecond) // at random
	k.kill()
	close(stop)
	acting.Wait()
	for k.start(); rand.IntN(4) == 0; k.start() {
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		k.kill()
		k.starts++
	}
	k.waitHealthy()
}

// TestNoAcknowledgedActionIsLostToAKill kills the exporter at random. What was
// acknowledged is in force when it is back, and on record; what was under way is
// in force as a whole, and on record, or not at all.
func TestNoAcknowledgedActionIsLostToAKill(t *testing.T) {
	t.Parallel()
	k := newKilled(t)
	k.waitHealthy()
	kills := 20
	if soak() {
		kills = 200
	}
	var sum tally
	for range kills {
		k.round()
		state := k.inForce()
		for _, o := range k.operators {
			o.check(t, state)
		}
	}
	_, err := k.end(syscall.SIGTERM)
	require.NoError(t, err)
	trail := filepath.Join(k.dir, "audit.jsonl")
	out, stderr, code := command(t, "audit", "verify", trail)
	require.Equal(t, 0, code, stderr)
	recorded := recordedDeeds(t, trail)
	for _, o := range k.operators {
		require.Empty(t, o.refused, "refused without need")
		for what, n := range o.deeds {
			require.GreaterOrEqual(t, recorded[what], n, "records of %+v", what)
		}
		sum.add(o.tally)
	}
	require.Positive(t, sum.acknowledged)
	info, err := os.Stat(trail)
	require.NoError(t, err)
	t.Logf("%d kills, %d more while starting: %d actions acknowledged, none lost; of %d under way %d took place and %d did not; audit verify: %s (%d KiB)",
		kills, k.starts, sum.acknowledged, sum.tookPlace+sum.tookNoPlace, sum.tookPlace, sum.tookNoPlace, strings.TrimSpace(out), info.Size()>>10)
}

// recordedDeeds counts the accepted actions of a trail that was verified. A line
// that was torn by a kill is none.
func recordedDeeds(t *testing.T, trail string) map[deed]int {
	t.Helper()
	content, err := os.ReadFile(trail)
	require.NoError(t, err)
	recorded := map[deed]int{}
	for line := range bytes.Lines(content) {
		var l auditLine
		if json.Unmarshal(line, &l) == nil && l.Outcome == "accepted" {
			recorded[deed{l.Event, l.Target, l.Detail}]++
		}
	}
	return recorded
}
