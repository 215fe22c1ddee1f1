package appliance

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/probes"
)

// However many probes ask one node, quick ones and late ones, their requests
// never come closer together than the gap.
func TestRequestsToANodeAreApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const gap = 250 * time.Millisecond
		b := NewBudgets()
		var mu sync.Mutex
		starts := map[string][]time.Time{}
		var group sync.WaitGroup
		skipped := 0
		for i := range 40 {
			group.Go(func() {
				node := fmt.Sprint("n", i%2)
				time.Sleep(time.Duration(i*i%7) * 100 * time.Millisecond)
				turn, later := b.turn(t.Context(), node, fmt.Sprint(i), 11, gap, 20*time.Second)
				if turn == nil {
					mu.Lock()
					defer mu.Unlock()
					require.True(t, later.After(time.Now()))
					skipped++
					return
				}
				defer turn.leave()
				for k := range 11 {
					at, ok := turn.request(time.Now().Add(time.Hour))
					require.True(t, ok)
					time.Sleep(time.Until(at))
					mu.Lock()
					starts[node] = append(starts[node], time.Now())
					mu.Unlock()
					if i%5 == 0 {
						time.Sleep(time.Second) // a slow answer
					}
					if i%3 == 0 && k == 2 {
						return // it gives up early
					}
				}
			})
		}
		group.Wait()
		require.Positive(t, skipped, "who would have to wait too long is told so")
		for node, list := range starts {
			require.Greater(t, len(list), 50)
			slices.SortFunc(list, time.Time.Compare)
			for i := range list[1:] {
				require.GreaterOrEqual(t, list[i+1].Sub(list[i]), gap, "%s, request %d", node, i)
			}
		}
	})
}

func TestATurnIsGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudgets()
		far := time.Now().Add(time.Hour)
		first, _ := b.turn(t.Context(), "n", "a", 100, time.Second, 0)
		at, _ := first.request(far)
		require.Equal(t, time.Now(), at)
		begin := time.Now()
		_, later := b.turn(t.Context(), "n", "b", 1, time.Second, 10*time.Second)
		require.Equal(t, 100*time.Second, later.Sub(begin))
		first.leave()
		next, _ := b.turn(t.Context(), "n", "c", 1, time.Second, 10*time.Second)
		at, _ = next.request(far)
		require.Equal(t, time.Second, at.Sub(begin), "what was given back is used by whoever needs no more")
		_, ok := next.request(at)
		require.False(t, ok, "too late to ask")
	})
}

// A run whose turn is too far off is skipped, and no verdict is touched by it.
func TestARunWithoutATurn(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{})
	o := options(t, "{resources: [cpu], test: false, testall: false, url: '"+n.url+"'}")
	p := built(t, o, probes.Target{})
	o.budgets.turn(t.Context(), "127.0.0.1", "another", 1000, time.Second, 0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := p.Run(ctx)
	require.Equal(t, probes.SkipBudget, r.Skipped)
	require.True(t, r.NotBefore.After(time.Now().Add(10*time.Minute)))
	require.Empty(t, n.Requests())

	o.budgets = NewBudgets()
	require.Equal(t, probes.Pass, ran(t, built(t, o, probes.Target{})).Outcome)
}

// Ten probes of one node at once stay within what the node answers to.
func TestManyProbesOfOneNode(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{})
	b := NewBudgets()
	var group sync.WaitGroup
	results := make([]probes.Result, 10)
	for i := range results {
		o := options(t, "{resources: [cpu, db, email], test: false, testall: false, url: '"+n.url+"'}")
		o.budgets = b
		p := built(t, o, probes.Target{})
		group.Go(func() { results[i] = ran(t, p) })
	}
	group.Wait()
	for _, r := range results {
		require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	}
	require.EqualValues(t, 10, n.Requests()["GET /status/db"])
}
