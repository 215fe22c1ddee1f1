package alarm

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestRaiseChangeClear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{passing("login")})
		synctest.Wait()
		require.Empty(t, r.told(), "what passes needs no word")
		e.Verdicts([]VerdictInput{failing("login", probes.Critical)})
		synctest.Wait()
		ev := r.last()
		require.Equal(t, "login fails at step token: timeout", ev.Alarm.Text)
		require.Equal(t, ProbeID("", "login", ""), ev.Alarm.ID)
		require.Equal(t, "acme", ev.Alarm.Target)
		time.Sleep(time.Minute)
		detailed := failing("login", probes.Critical)
		detailed.Text = "no answer within 10.3s"
		e.Verdicts([]VerdictInput{detailed})
		synctest.Wait()
		require.Equal(t, 1, r.count(), "nothing has changed but detail")
		e.Verdicts([]VerdictInput{failing("login", probes.Minor)})
		synctest.Wait()
		require.Greater(t, r.last().Sequence, ev.Sequence)
		require.Equal(t, ev.Alarm.Raised, r.last().Alarm.Raised)
		e.Verdicts([]VerdictInput{passing("login")})
		synctest.Wait()
		require.Equal(t, []string{"raise login critical", "raise login minor", "clear login"}, r.told())
		require.Equal(t, bridges.Cleared, r.last().Alarm.Severity)
		require.Equal(t, "the probe passes again", r.last().Alarm.Text)
		require.Equal(t, ev.Alarm.ID, r.last().Alarm.ID)
		require.False(t, e.Alarms()[0].Active)
	})
}

func TestSuppressionStopsBeginningsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
		in := failing("login", probes.Critical)
		in.Suppressed = "maintenance"
		e.Verdicts([]VerdictInput{in})
		synctest.Wait()
		require.Empty(t, r.told())
		in.Suppressed = ""
		e.Verdicts([]VerdictInput{in})
		synctest.Wait()
		require.Equal(t, []string{"raise login critical"}, r.told(), "the window is over, the failure is not")
		in.Suppressed, in.Severity, in.Reason = "parent", probes.Major, "dns"
		e.Verdicts([]VerdictInput{in})
		synctest.Wait()
		require.Equal(t, 1, r.count(), "it stays as it is")
		in.Failing = false
		e.Verdicts([]VerdictInput{in})
		synctest.Wait()
		require.Equal(t, "clear login", r.told()[1], "resolution is never suppressed")
	})
}

func TestUnknownChangesNothingAndGoneClears(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{failing("a", probes.Critical), failing("b", probes.Major)})
		e.Verdicts([]VerdictInput{{Probe: "a"}, {Probe: "b", Failing: true}})
		synctest.Wait()
		require.Equal(t, 2, r.count())
		e.Verdicts([]VerdictInput{{Probe: "a"}})
		synctest.Wait()
		require.Equal(t, "clear b", r.told()[2])
		require.Contains(t, r.last().Alarm.Text, "no longer configured")
	})
}

func TestOneConsoleAwayConcernsNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone, here := &receiver{answer: away}, &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "gone", gone, true), bridge(config(), "here", here, true))
		for range 10 {
			e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Major)})
			synctest.Wait()
			time.Sleep(20 * time.Second)
			e.Verdicts([]VerdictInput{passing("login"), failing("api", probes.Major)})
			synctest.Wait()
			time.Sleep(20 * time.Second)
		}
		require.Equal(t, 21, here.count(), "each transition once")
		require.Empty(t, gone.told())
		d := e.Deliveries()[0]
		require.Equal(t, 2, d.Pending)
		require.Equal(t, "connection refused", d.LastError)
		require.Greater(t, time.Since(d.Oldest), 5*time.Minute)
		e.Verdicts([]VerdictInput{failing("login", probes.Minor), failing("api", probes.Major)})
		gone.answers(nil)
		time.Sleep(maxBackoff)
		synctest.Wait()
		require.ElementsMatch(t, []string{"raise login minor", "raise api major"}, gone.told(), "how it stands, not how it came to it")
		require.Zero(t, e.Deliveries()[0].Pending)
		require.Less(t, gone.tried(), 60)
	})
}

func TestAllTransitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &receiver{answer: away}
		all := func(c *Common) { c.Transitions = All }
		e, stop := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true, all))
		want := []string{}
		for range 5 {
			e.Verdicts([]VerdictInput{failing("login", probes.Critical)})
			synctest.Wait()
			e.Verdicts([]VerdictInput{passing("login")})
			synctest.Wait()
			want = append(want, "raise login critical", "clear login")
		}
		_, _, journal, _ := m.size()
		require.Equal(t, 10, journal)
		stop()
		r.answers(nil)
		_, _ = running(t, Options{Store: m}, config(), bridge(config(), "b", r, true, all))
		synctest.Wait()
		require.Equal(t, want, r.told(), "over a restart, in order")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		_, _, journal, _ = m.size()
		require.Zero(t, journal)
	})
}

func TestAllTransitionsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answer: away}
		c := config()
		c.MaxTransitions = 4
		e, _ := running(t, Options{Store: newMemory()}, c, bridge(c, "b", r, true, func(c *Common) { c.Transitions = All }))
		for range 5 {
			e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Minor)})
			synctest.Wait()
			e.Verdicts([]VerdictInput{passing("login"), failing("api", probes.Minor)})
			synctest.Wait()
		}
		require.EqualValues(t, 7, e.Stats().Bridges[0].Outcomes["coalesced"])
		r.answers(nil)
		time.Sleep(maxBackoff)
		synctest.Wait()
		require.ElementsMatch(t, []string{"raise api minor", "clear login", "raise login critical", "clear login"}, r.told())
		require.Equal(t, "clear login", lastOf(r.told(), "login"))
	})
}

func lastOf(told []string, name string) (last string) {
	for _, s := range told {
		if strings.Contains(s, name) {
			last = s
		}
	}
	return last
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &receiver{answer: func(ev bridges.Event) error {
			if ev.Alarm.Name == "api" {
				return bridges.Permanent(errors.New("400 Bad Request"))
			}
			return nil
		}}
		e, stop := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Major)})
		time.Sleep(time.Hour)
		require.Equal(t, 2, r.tried(), "what was refused for good is not tried again")
		letters := e.Deliveries()[0].DeadLetters
		require.Len(t, letters, 1)
		require.Equal(t, "400 Bad Request", letters[0].Error)
		stop()
		e, _ = running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		time.Sleep(time.Hour)
		require.Equal(t, 2, r.tried(), "nor after a restart")
		require.Len(t, e.Deliveries()[0].DeadLetters, 1)
		require.ErrorIs(t, e.Replay(t.Context(), "none"), ErrNoDeadLetter)
		r.answers(nil)
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Minor)})
		synctest.Wait()
		require.Equal(t, []string{"raise login critical", "raise api minor"}, r.told(), "a change is tried")
		require.NoError(t, e.Replay(t.Context(), letters[0].ID))
		synctest.Wait()
		require.Equal(t, "raise api minor", r.told()[2], "as it stands now")
		require.Empty(t, e.Deliveries()[0].DeadLetters)
		require.Zero(t, e.ReplayAll(t.Context()))
		time.Sleep(time.Minute)
		_, _, _, dead := m.size()
		require.Zero(t, dead)
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answer: func(bridges.Event) error { return bridges.Later(errAway, 10*time.Minute) }}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Critical)})
		time.Sleep(599 * time.Second)
		require.Equal(t, 1, r.tried())
		r.answers(nil)
		time.Sleep(2 * time.Second)
		require.Equal(t, 2, r.count())
	})
}

// An alarm that a console will not take does not hold up the others.
func TestPoison(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answer: func(ev bridges.Event) error {
			if ev.Alarm.Name == "api" {
				return errors.New("500 Internal Server Error")
			}
			return nil
		}}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{failing("api", probes.Critical)})
		synctest.Wait()
		for range 20 {
			e.Verdicts([]VerdictInput{failing("api", probes.Critical), failing("login", probes.Critical)})
			time.Sleep(31 * time.Second)
			e.Verdicts([]VerdictInput{failing("api", probes.Critical), passing("login")})
			time.Sleep(31 * time.Second)
		}
		require.Equal(t, 40, r.count())
		require.Less(t, r.tried()-40, 80)
	})
}

func TestResend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		trap, inform := &receiver{}, &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "trap", trap, false), bridge(config(), "inform", inform, true))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical)})
		time.Sleep(time.Hour)
		require.Equal(t, 1, inform.count())
		require.GreaterOrEqual(t, trap.count(), 5)
		require.LessOrEqual(t, trap.count(), 9)
		require.Equal(t, trap.first(), trap.last(), "the same event, the same sequence")
		e.Verdicts([]VerdictInput{passing("login")})
		time.Sleep(10 * time.Hour)
		var clears int
		for _, s := range trap.told() {
			if s == "clear login" {
				clears++
			}
		}
		require.GreaterOrEqual(t, clears, 16, "for four hours")
		require.LessOrEqual(t, clears, 33)
		require.Equal(t, []string{"raise login critical", "clear login"}, inform.told())
		require.Equal(t, "clear login", lastOf(trap.told(), "login"))
	})
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, none := &receiver{}, &receiver{}
		c := NewConfig()
		e, _ := running(t, Options{Store: newMemory()}, c, bridge(c, "b", r, true), bridge(c, "none", none, true, func(c *Common) { c.Heartbeat = 0 }))
		time.Sleep(time.Hour + time.Second)
		require.Equal(t, 13, r.beating())
		require.Zero(t, none.beating())
		refusing := func(ev bridges.Event) error {
			if ev.Kind == bridges.Heartbeat {
				return errAway
			}
			return nil
		}
		r.answers(refusing)
		time.Sleep(20 * time.Minute)
		e.Verdicts([]VerdictInput{failing("login", probes.Critical)})
		time.Sleep(maxBackoff)
		require.Equal(t, 1, r.count(), "alarms arrive though heartbeats do not")
	})
}

func TestFilters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		severe, logins := &receiver{}, &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(),
			bridge(config(), "severe", severe, true, func(c *Common) { c.MinSeverity = probes.Major }),
			bridge(config(), "logins", logins, true, func(c *Common) { c.Matchers = []string{`probe=~"login.*"`, `severity!="minor"`} }))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Minor)})
		synctest.Wait()
		require.Equal(t, []string{"raise login critical"}, severe.told())
		require.Equal(t, []string{"raise login critical"}, logins.told())
		e.Verdicts([]VerdictInput{failing("login", probes.Minor), failing("api", probes.Major)})
		synctest.Wait()
		require.ElementsMatch(t, []string{"raise login critical", "clear login", "raise api major"}, severe.told(), "what is below is over there")
		require.Contains(t, severe.events[1].Alarm.Text+severe.events[2].Alarm.Text, "now minor")
		require.Equal(t, []string{"raise login critical", "clear login"}, logins.told())
		e.Verdicts([]VerdictInput{passing("login"), passing("api")})
		synctest.Wait()
		require.Equal(t, 4, severe.count())
		require.Equal(t, 2, logins.count())
	})
}

func TestReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a, b, c := newMemory(), &receiver{}, &receiver{}, &receiver{}
		cfg := config()
		e, stop := running(t, Options{Store: m}, cfg, bridge(cfg, "a", a, true), bridge(cfg, "b", b, true))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Minor)})
		synctest.Wait()
		keepA := bridge(cfg, "a", nil, true, func(c *Common) { c.MinSeverity = probes.Major })
		require.NoError(t, e.Configure(cfg, []Bridge{keepA, bridge(cfg, "c", c, true)}))
		synctest.Wait()
		require.False(t, a.closed)
		require.True(t, b.closed)
		require.Equal(t, "clear api", a.told()[2], "it is told of the major ones alone from now on")
		require.Greater(t, a.events[2].Sequence, max(a.events[0].Sequence, a.events[1].Sequence))
		require.ElementsMatch(t, []string{"raise login critical", "raise api minor"}, c.told(), "a new one gets what stands")

		broken := bridge(cfg, "d", nil, true)
		broken.New = func() ([]bridges.Destination, error) { return nil, errAway }
		require.ErrorIs(t, e.Configure(cfg, []Bridge{bridge(cfg, "b", b, true), broken}), errAway)
		require.Len(t, e.Deliveries(), 2, "nothing has changed")

		moved := bridge(cfg, "a", b, true)
		moved.Fingerprint = "2"
		require.NoError(t, e.Configure(cfg, []Bridge{moved}))
		synctest.Wait()
		require.True(t, a.closed)
		require.Equal(t, 4, b.count(), "another console under the old name")
		time.Sleep(time.Minute)
		stop()
		for key, told := range m.told {
			require.Equal(t, "a", told.Bridge, key)
		}
		_, _ = running(t, Options{Store: m}, cfg, moved)
		time.Sleep(time.Minute)
		require.Equal(t, 4, b.count(), "and known as such after a restart")
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &receiver{}
		e, stop := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Minor), failing("gone", probes.Minor)})
		synctest.Wait()
		before := r.last().Sequence
		stop()
		time.Sleep(time.Hour)
		e, _ = running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		synctest.Wait()
		require.Equal(t, 3, r.count())
		e.Verdicts([]VerdictInput{{Probe: "login"}, {Probe: "api"}, {Probe: "gone"}})
		synctest.Wait()
		require.Equal(t, 3, r.count(), "nothing is known yet")
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), passing("api")})
		synctest.Wait()
		require.ElementsMatch(t, []string{"clear api", "clear gone"}, r.told()[3:])
		require.Greater(t, r.last().Sequence, before)
	})
}

// Without a store or with a new one in place of a damaged one, nothing is left
// standing.
func TestResync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{Store: newMemory(), Resync: true}, config(), bridge(config(), "b", r, true))
		for range 3 {
			e.Verdicts([]VerdictInput{passing("login"), failing("api", probes.Minor), {Probe: "late"}})
			synctest.Wait()
		}
		require.ElementsMatch(t, []string{"clear login", "raise api minor"}, r.told())
		e.Verdicts([]VerdictInput{passing("login"), passing("api"), passing("late")})
		synctest.Wait()
		require.ElementsMatch(t, []string{"clear login", "raise api minor", "clear api", "clear late"}, r.told())
	})
}

func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &receiver{}
		e, stop := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), failing("api", probes.Minor), failing("old", probes.Minor)})
		synctest.Wait()
		stop()
		clear(m.alarms)
		e, _ = running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		synctest.Wait()
		require.Equal(t, 3, r.count())
		e.Verdicts([]VerdictInput{failing("login", probes.Critical), passing("api")})
		synctest.Wait()
		require.ElementsMatch(t, []string{"raise login critical", "clear api"}, r.told()[3:])
		time.Sleep(2*config().StaleAfter + time.Minute)
		require.Equal(t, "clear old", r.told()[5])
	})
}

func TestTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{Store: newMemory(), Exporter: "ex"}, config(), bridge(config(), "b", r, true))
		_, err := e.Test(t.Context(), "none")
		require.ErrorIs(t, err, ErrNoBridge)
		report, err := e.Test(t.Context(), "b")
		require.NoError(t, err)
		require.True(t, report.OK())
		require.Equal(t, "it said so", report.Destinations[0].Proof)
		require.Regexp(t, "^[a-z0-9-]{1,64}$", report.ID)
		require.Equal(t, []string{"raise test warning", "clear test"}, r.told())
		require.True(t, r.last().Test)
		require.Empty(t, e.Alarms())
		r.answers(away)
		report, err = e.Test(t.Context(), "b")
		require.NoError(t, err)
		require.False(t, report.OK())
		require.Equal(t, "connection refused", report.Destinations[0].Raise)
		require.True(t, Try(t.Context(), "b", "ex", []bridges.Destination{{Name: "x", Deliverer: &receiver{}}}).OK())
	})
}

func TestTooManyAlarms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, c := &receiver{}, config()
		c.MaxAlarms = 2
		e, _ := running(t, Options{Store: newMemory()}, c, bridge(c, "b", r, true))
		e.Verdicts([]VerdictInput{failing("a", probes.Minor), failing("b", probes.Minor), failing("c", probes.Minor)})
		synctest.Wait()
		require.Equal(t, []string{"raise a minor", "raise b minor"}, r.told())
		_, err := e.Handle(t.Context(), strings.NewReader(hook(alertJSON("firing", `"alertname":"x"`, "2031-01-01T00:00:00Z", ""))))
		require.ErrorIs(t, err, ErrTooMany)
		e.Verdicts([]VerdictInput{passing("a"), failing("b", probes.Minor), failing("c", probes.Minor)})
		synctest.Wait()
		require.Equal(t, "raise c minor", lastOf(r.told(), "c minor"), "taken up once there is room")
		require.Positive(t, e.Stats().Refused)
	})
}

func TestPanickingBridge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad, good := &receiver{answer: func(bridges.Event) error { panic("oh") }}, &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "bad", bad, true), bridge(config(), "good", good, true))
		e.Verdicts([]VerdictInput{failing("a", probes.Minor)})
		time.Sleep(time.Minute)
		require.Equal(t, 1, good.count())
		require.Contains(t, e.Deliveries()[0].LastError, "panicked")
	})
}

func TestForgetting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, r := newMemory(), &receiver{}
		e, _ := running(t, Options{Store: m}, config(), bridge(config(), "b", r, false))
		e.Verdicts([]VerdictInput{failing("a", probes.Minor), failing("b", probes.Minor)})
		e.Verdicts([]VerdictInput{passing("a"), failing("b", probes.Minor)})
		time.Sleep(keepRecent - time.Hour)
		require.Len(t, e.Alarms(), 2)
		time.Sleep(2 * time.Hour)
		require.Len(t, e.Alarms(), 1)
		alarms, _, _, _ := m.size()
		require.Equal(t, 1, alarms)
		e.Verdicts([]VerdictInput{failing("a", probes.Minor), failing("b", probes.Minor)})
		synctest.Wait()
		require.Equal(t, "raise a minor", lastOf(r.told(), "a minor"))
	})
}

func TestDiskHangsAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, m, block := &receiver{}, newMemory(), make(chan struct{})
		m.hangs(block)
		e, _ := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		e.Verdicts([]VerdictInput{failing("login", probes.Critical)})
		time.Sleep(2*patience + time.Second)
		require.Equal(t, []string{"raise login critical"}, r.told())
		close(block)
	})
}

// Everything at once, for the race detector.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	a, b := &receiver{}, &receiver{answer: func(ev bridges.Event) error {
		switch ev.Sequence % 5 {
		case 0:
			return bridges.Later(errAway, time.Millisecond)
		case 1:
			return bridges.Permanent(errAway)
		}
		return nil
	}}
	c := config()
	e, stop := running(t, Options{Store: newMemory(), Resync: true}, c, bridge(c, "a", a, true))
	var wait sync.WaitGroup
	repeat := func(f func(i int)) {
		wait.Go(func() {
			for i := range 200 {
				f(i)
			}
		})
	}
	repeat(func(i int) {
		e.Verdicts([]VerdictInput{failing("login", probes.Severities()[i%5]), {Probe: "api", Known: true, Failing: i%2 == 0, Severity: probes.Minor}})
	})
	repeat(func(i int) {
		_, err := e.Handle(t.Context(), strings.NewReader(hook(alertJSON([]string{firingA, resolvedA}[i%2], labelsA, noon, afternoon))))
		require.NoError(t, err)
	})
	repeat(func(i int) {
		changed := bridge(c, "b", b, i%3 == 0, func(c *Common) { c.Transitions = []string{Latest, All}[i%2] })
		require.NoError(t, e.Configure(c, []Bridge{bridge(c, "a", a, true), changed}))
	})
	repeat(func(int) {
		e.Alarms()
		e.Deliveries()
		e.Stats()
		e.ReplayAll(t.Context())
		_, _ = e.Test(t.Context(), "a")
	})
	wait.Wait()
	e.Verdicts(nil)
	require.Eventually(t, func() bool { return lastOf(a.told(), "login") == "clear login" }, time.Minute, time.Millisecond)
	stop()
}

// Two exporters may have a probe of the same name, for other providers or from
// other places: what one says of it clears nothing of the other's.
func TestExportersClearOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		prod, _ := running(t, Options{Store: newMemory(), Exporter: "prod"}, config(), bridge(config(), "b", r, true))
		prod.Verdicts([]VerdictInput{failing("login", probes.Critical)})
		synctest.Wait()
		raised := r.last()
		require.Equal(t, bridges.Raise, raised.Kind)
		// A first start, which does not know what consoles were told, clears what passes.
		staging, _ := running(t, Options{Store: newMemory(), Exporter: "staging", Resync: true}, config(), bridge(config(), "b", r, true))
		staging.Verdicts([]VerdictInput{passing("login")})
		synctest.Wait()
		cleared := r.last()
		require.Equal(t, bridges.Clear, cleared.Kind)
		require.NotEqual(t, raised.Alarm.ID, cleared.Alarm.ID)
	})
}
