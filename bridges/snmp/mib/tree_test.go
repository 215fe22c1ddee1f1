package mib

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

func view(alarms, nodes int) View {
	v := View{Name: "here", Version: "1.2", Start: time.Now(), Verdict: probes.Fail, Text: "login fails"}
	for i := range alarms {
		v.Alarms = append(v.Alarms, bridges.Alarm{ID: fmt.Sprintf("a-%d", i), Name: "login", Severity: probes.Severities()[i%5], Raised: time.Now()})
	}
	for i := range nodes {
		v.Probes = append(v.Probes, Probe{Name: "login", Node: fmt.Sprint(i), Verdict: probes.Pass, Gates: true})
	}
	return v
}

func TestTreeIsInOrder(t *testing.T) {
	t.Parallel()
	m := at(t, "")
	tree := m.Tree(view(500, 300))
	all := tree.All()
	require.Len(t, all, 500*11+300*12+5+5)
	require.True(t, slices.IsSortedFunc(all, func(a, b Variable) int { return a.OID.Compare(b.OID) }))
	seen := 0
	for at := m.Base; ; seen++ {
		v, ok := tree.Next(at, false)
		if !ok {
			break
		}
		require.Positive(t, v.OID.Compare(at))
		got, ok, known := tree.Get(v.OID)
		require.True(t, ok && known)
		require.Equal(t, v.Value, got)
		at = v.OID
	}
	require.Equal(t, len(all), seen)
}

func TestTreeTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	m := at(t, "")
	tree := m.Tree(view(0, 0))
	_, ok, known := tree.Get(m.Base.Child(1, 2, 1, 4, 7))
	require.False(t, ok)
	require.True(t, known, "an alarm that is not active")
	_, ok, known = tree.Get(m.Base.Child(1, 1, 1, 0))
	require.False(t, ok || known, "a variable of notifications")
	first, ok := tree.Next(nil, false)
	require.True(t, ok)
	require.Equal(t, m.Base.Child(1, 3, 1, 0), first.OID)
	again, ok := tree.Next(first.OID, true)
	require.True(t, ok)
	require.Equal(t, first, again)
}

func TestCounts(t *testing.T) {
	t.Parallel()
	m := at(t, "")
	v := view(12, 0)
	v.Alarms = append(v.Alarms, bridges.Alarm{ID: "odd", Severity: "page"})
	tree := m.Tree(v)
	for i, want := range []uint32{3, 3, 2, 2, 3} { // the odd one is indeterminate
		got, ok, _ := tree.Get(m.Base.Child(1, 3, uint32(i+1), 0))
		require.True(t, ok)
		require.Equal(t, Value{Kind: Gauge32, Number: want}, got)
	}
}

// A poller that remembers a row finds the same alarm there, whatever comes and goes.
func TestRowsKeepTheirNumber(t *testing.T) {
	t.Parallel()
	key := func(s string) string { return s }
	before := rowIndexes([]string{"a", "b", "c"}, key)
	after := rowIndexes([]string{"x", "c", "a"}, key)
	require.Equal(t, before[0], after[2])
	require.Equal(t, before[2], after[1])
	require.Zero(t, rowIndexes([]string{"a", "a"}, key)[1], "a name that is there twice has one row")
	many := make([]string, 50_000) // some fall together
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	seen := map[uint32]bool{}
	for _, i := range rowIndexes(many, key) {
		require.Positive(t, i)
		require.LessOrEqual(t, i, uint32(math.MaxInt32))
		require.False(t, seen[i])
		seen[i] = true
	}
}

type source func() View

func (s source) View() View { return s() }

func TestCacheMakesOneTreeASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := NewCache(at(t, ""), source(func() View { asked++; return view(1, 1) }), func(v View) []Variable {
			return []Variable{{OID: OID{1, 3, 6, 1, 2, 1, 1, 5, 0}, Value: Text(v.Name)}}
		})
		first := c.Tree()
		require.Same(t, first, c.Tree())
		time.Sleep(time.Second)
		require.NotSame(t, first, c.Tree())
		require.Equal(t, 2, asked)
		v, ok, _ := first.Get(OID{1, 3, 6, 1, 2, 1, 1, 5, 0})
		require.True(t, ok)
		require.Equal(t, "here", v.Octets)
		_, ok, known := first.Get(OID{1, 3, 6, 1, 2, 1, 1, 5, 1})
		require.True(t, !ok && known)
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, math.MaxUint32, Gauge(math.MaxInt).Number, "a gauge stops")
	require.Zero(t, Gauge(-1).Number)
	require.EqualValues(t, math.MaxInt32, Int(math.MaxInt).Number)
	require.EqualValues(t, 150, UpTime(1500*time.Millisecond))
	require.EqualValues(t, 5, UpTime((1<<32+5)*10*time.Millisecond), "and begins anew")
	require.Zero(t, UpTime(-time.Second))
}
