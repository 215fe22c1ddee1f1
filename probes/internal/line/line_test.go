package line

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// queue is a line with its lock.
type queue struct {
	sync.Mutex
	Line
	begin time.Time
}

// turn waits for a turn and returns when it is, since the beginning; kept tells
// that it was too far away.
func (q *queue) turn(ctx context.Context, who string, lead, tail, patience time.Duration) (p *Place, at time.Duration, kept bool) {
	q.Lock()
	defer q.Unlock()
	p = q.Join(who, lead, tail, time.Now())
	kept = !q.Wait(ctx, &q.Mutex, p, patience)
	return p, p.At.Sub(q.begin), kept
}

func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{begin: time.Now()}
		turn := func(who string, lead, tail, patience time.Duration) (time.Duration, bool) {
			_, at, kept := q.turn(t.Context(), who, lead, tail, patience)
			return at, kept
		}
		wants := func(want time.Duration, kept bool, at time.Duration, isKept bool) {
			t.Helper()
			require.Equal(t, want, at)
			require.Equal(t, kept, isKept)
		}
		const s = time.Second
		at, kept := turn("a", s, 10*s, 0)
		wants(0, false, at, kept)
		at, kept = turn("b", s, 5*s, 9*s)
		wants(10*s, true, at, kept) // behind a, whose turn takes 10 s
		at, kept = turn("c", s, 3*s, 0)
		wants(15*s, true, at, kept)
		at, kept = turn("b", s, 5*s, 0)
		wants(10*s, true, at, kept) // it keeps its place
		at, kept = turn("b", s, 5*s, 20*s)
		wants(10*s, false, at, kept)
		require.Equal(t, 10*s, time.Since(q.begin))
		at, kept = turn("d", s, s, 4*s)
		wants(18*s, true, at, kept) // behind c: there is no room before it
		time.Sleep(5*s + 500*time.Millisecond)
		at, kept = turn("c", s, 3*s, 0) // half a second late, and so is d
		wants(15*s+500*time.Millisecond, false, at, kept)
		at, kept = turn("d", s, s, 5*s)
		wants(18*s+500*time.Millisecond, false, at, kept)
	})
}

func TestRoomBetweenPlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{begin: time.Now()}
		first, _, _ := q.turn(t.Context(), "a", time.Second, 10*time.Second, 0)
		_, at, _ := q.turn(t.Context(), "b", time.Second, time.Second, 0)
		require.Equal(t, 10*time.Second, at)
		time.Sleep(2 * time.Second)
		q.Lock()
		q.End(first, time.Now()) // long before its time
		q.Unlock()
		_, at, kept := q.turn(t.Context(), "c", time.Second, 8*time.Second, time.Second)
		require.False(t, kept)
		require.Equal(t, 2*time.Second, at, "it ends when b's place begins")
		_, at, _ = q.turn(t.Context(), "d", time.Second, 2*time.Second, 0)
		require.Equal(t, 11*time.Second, at)
		time.Sleep(10*time.Second + 2*lateMost)
		_, at, kept = q.turn(t.Context(), "e", time.Second, time.Second, 0)
		require.False(t, kept, "b did not come")
		require.Equal(t, time.Since(q.begin), at)
	})
}

func TestTheEndOfAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{begin: time.Now()}
		require.True(t, q.Idle(time.Now()))
		q.Lock()
		q.Push(10*time.Second, time.Now())
		q.Unlock()
		require.False(t, q.Idle(time.Now()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, at, kept := q.turn(ctx, "a", time.Second, time.Second, time.Minute)
		require.True(t, kept, "who no longer waits keeps the place")
		require.Equal(t, 10*time.Second, at)
		require.Equal(t, time.Second, time.Since(q.begin))
		time.Sleep(2 * time.Minute)
		require.True(t, q.Idle(time.Now()))
	})
}
