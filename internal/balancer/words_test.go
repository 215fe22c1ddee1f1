package balancer

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clock is set by hand.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

var (
	up      = Answer{Known: true, OK: true}
	down    = Answer{Known: true}
	drained = Answer{Known: true, OK: true, Drained: true}
)

func from(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 40000} }

func TestWordsForEachState(t *testing.T) {
	t.Parallel()
	for want, answers := range map[string][]Answer{
		"up\n":    {up, {Known: true, OK: true, Maintenance: true}},
		"down\n":  {down, {Known: true, Maintenance: true}},
		"drain\n": {drained, {Known: true, Drained: true}, {Known: true, OK: true, Drained: true, Returned: time.Unix(1e9, 0)}},
		"maint\n": {{Known: true, Drained: true, Maintenance: true}, {Known: true, OK: true, Drained: true, Maintenance: true}},
	} {
		for _, a := range answers {
			c := &clock{time.Unix(1e9, 0)}
			require.Equal(t, want, newWords(c.now).say(from("10.0.0.1"), "n1", a), "%+v", a)
		}
	}
}

func TestReadyIsSaidForAWhileToThoseWhoWereToldToDrain(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1e9, 0)}
	w := newWords(c.now)
	one, other := from("10.0.0.1"), from("10.0.0.2")
	require.Equal(t, "up\n", w.say(one, "n1", up), "never drained")
	require.Equal(t, "drain\n", w.say(one, "n1", drained))
	c.pass(time.Hour)
	require.Equal(t, "maint\n", w.say(one, "n1", Answer{Known: true, Drained: true, Maintenance: true}))

	back := up
	back.Returned = c.Time
	c.pass(24 * time.Hour) // the balancer could not reach the exporter all the while
	require.Equal(t, "ready up\n", w.say(one, "n1", back))
	require.Equal(t, "up\n", w.say(one, "n2", up), "of another node it was told nothing")
	require.Equal(t, "up\n", w.say(other, "n1", back), "nor was another balancer")
	c.pass(readyFor - 1)
	require.Equal(t, "ready up\n", w.say(one, "n1", back), "another backend of the same balancer")
	c.pass(1)
	for range 3 {
		require.Equal(t, "up\n", w.say(one, "n1", back), "what an administrator sets now stays")
	}
	require.Empty(t, w.owed)
}

func TestAfterARestartReadyIsCountedFromTheEndOfTheDrain(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1e9, 0)}
	w := newWords(c.now)
	back := up
	back.Returned = c.Time
	require.Equal(t, "ready up\n", w.say(from("10.0.0.1"), "n1", back))
	c.pass(readyFor - 1)
	require.Equal(t, "ready up\n", w.say(from("10.0.0.1"), "n1", back))
	c.pass(1)
	require.Equal(t, "up\n", w.say(from("10.0.0.1"), "n1", back))
	back.Returned = c.Add(time.Hour) // the clock was set back
	require.Equal(t, "up\n", w.say(from("10.0.0.1"), "n1", back))
}

func TestANodeThatComesBackFailingLeavesDrainAllTheSame(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1e9, 0)}
	w := newWords(c.now)
	require.Equal(t, "drain\n", w.say(from("10.0.0.1"), "n1", drained))
	require.Equal(t, "ready down\n", w.say(from("10.0.0.1"), "n1", down))
	c.pass(readyFor)
	require.Equal(t, "down\n", w.say(from("10.0.0.1"), "n1", down))
	require.Equal(t, "up\n", w.say(from("10.0.0.1"), "n1", up))
	require.Equal(t, "drain\n", w.say(from("10.0.0.1"), "n1", drained))
	require.Equal(t, "ready up\n", w.say(from("10.0.0.1"), "n1", up), "a second drain is owed its own end")
	require.Equal(t, "drain\n", w.say(from("10.0.0.1"), "n1", drained))
	c.pass(time.Hour)
	require.Equal(t, "ready up\n", w.say(from("10.0.0.1"), "n1", up), "a drain within the minute begins it anew")
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1e9, 0)}
	w := newWords(c.now)
	for i := range maxOwed + 10 {
		w.say(from(fmt.Sprintf("10.1.%d.%d", i/256, i%256)), "n1", drained)
	}
	require.Len(t, w.owed, maxOwed)
	back := up
	back.Returned = c.Time
	require.True(t, strings.HasPrefix(w.say(from("10.9.9.9"), "n1", back), "ready"), "the end of the drain is known all the same")
	require.Equal(t, "drain\n", w.say(&net.UnixAddr{}, "n1", drained))
}
