package state

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// bench is a State with a clock that the test sets.
type bench struct {
	*State
	t   *testing.T
	now time.Time
}

const every = 10 * time.Second

var key = Key{Probe: "login", Node: "n2"}

func spec(k Key) Spec {
	return Spec{Key: k, Kind: "login", Gates: true, Every: every, FailAfter: 2, PassAfter: 1}
}

func newBench(t *testing.T, o Options, specs ...Spec) *bench {
	b := &bench{t: t, now: time.Date(2026, 3, 4, 12, 3, 11, 0, time.UTC)}
	o.Now = func() time.Time { return b.now }
	b.State = New(o)
	b.Configure(specs, o)
	return b
}

func (b *bench) wait(d time.Duration) { b.now = b.now.Add(d) }

func (b *bench) record(k Key, o probes.Outcome, change ...func(*probes.Result)) {
	r := probes.Result{Outcome: o, Start: b.now}
	if o == probes.Fail {
		r.FailedStep, r.Reason = "token", probes.ReasonCredentialsRefused
	}
	if o == probes.Unknown {
		r.FailedStep, r.Reason = "token", probes.ReasonRateLimited
	}
	for _, f := range change {
		f(&r)
	}
	b.Record(k, r)
}

func decisive(r *probes.Result) { r.Decisive = true }

func (b *bench) pauseUntil(d time.Duration) func(*probes.Result) {
	return func(r *probes.Result) { r.NotBefore = b.now.Add(d) }
}

// play runs a script of words separated by spaces: p, w, f, u record a result
// and d a decisive failure, each after one interval; a duration waits. The
// answer has one letter per word: the verdict after it.
func (b *bench) play(script string) string {
	var got strings.Builder
	for word := range strings.FieldsSeq(script) {
		switch word {
		case "p", "w", "f", "u", "d":
			b.wait(every)
			o := map[string]probes.Outcome{"p": probes.Pass, "w": probes.Warn, "f": probes.Fail, "d": probes.Fail, "u": probes.Unknown}[word]
			b.record(key, o, func(r *probes.Result) { r.Decisive = word == "d" })
		default:
			d, err := time.ParseDuration(word)
			require.NoError(b.t, err)
			b.wait(d)
		}
		e, ok := b.Entry(key)
		require.True(b.t, ok)
		v := b.Verdict()
		require.Equal(b.t, e.Verdict, v.Outcome, "the whole and its only part disagree after %q", word)
		require.Equal(b.t, e.Verdict != probes.Fail, v.OK)
		require.Equal(b.t, e.Verdict != probes.Pass, e.Why != "")
		got.WriteByte(e.Verdict.String()[0])
	}
	return got.String()
}

func TestDampingAndClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failAfter, passAfter int
		open                 bool
		script, want         string
	}{
		"defaults":                           {0, 0, false, "p f f p", "ppfp"},
		"first run fails at once":            {3, 3, false, "f p p p", "fffp"},
		"first run passes at once":           {3, 3, false, "p f f f", "pppf"},
		"a pass between forgives":            {2, 1, false, "p f p f p f f", "ppppppf"},
		"a failure between delays the rise":  {2, 2, false, "f p f p p", "ffffp"},
		"warn gates as pass":                 {2, 1, false, "w f w p w f f w", "wwwpwwfw"},
		"warn counts towards the rise":       {2, 2, false, "f w w p", "ffwp"},
		"decisive falls at once":             {5, 1, false, "p d p", "pfp"},
		"unknown holds a pass as warn":       {2, 1, false, "p u u p", "pwwp"},
		"unknown holds a failure":            {2, 1, false, "f u u p", "fffp"},
		"unknown does not count as a run":    {2, 1, false, "p f u f", "ppwf"},
		"unknown at the start":               {2, 1, false, "u u p", "ffp"},
		"unknown at the start, open":         {2, 1, true, "u u p u", "wwpw"},
		"open start ends with failures":      {2, 1, true, "1s f p", "wfp"},
		"open start ends when runs are late": {2, 1, true, "29s 1s u p", "wffp"},
		"closed start":                       {2, 1, false, "1s p", "fp"},
		"stale after three intervals":        {2, 1, false, "p 29999ms 1ms p", "ppfp"},
		"one failure after staleness":        {2, 1, false, "p 30s f p", "pffp"},
		"unknown after staleness":            {2, 1, false, "p 30s u p", "pffp"},
		"the rise after staleness is damped": {2, 3, false, "p p p 40s p p p", "pppfffp"},
		"unknown does not keep stale away":   {2, 1, false, "p u 30s", "pwf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := spec(key)
			s.FailAfter, s.PassAfter = c.failAfter, c.passAfter
			b := newBench(t, Options{StartOpen: c.open}, s)
			require.Equal(t, c.want, b.play(c.script))
		})
	}
}

func TestUnknownHoldsForUnknownMaxAfterItBegan(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{UnknownMax: time.Minute}, spec(key))
	require.Equal(t, "p"+"wwwwww"+"wff"+"p", b.play("p u u u u u u 9s 1s u p"))
	// A failure then finds a failed verdict, not the one that was held.
	require.Equal(t, "wwwwww"+"f"+"f", b.play("u u u u u u u f"))
	b = newBench(t, Options{UnknownMax: time.Minute, StartOpen: true}, spec(key))
	require.Equal(t, "wwwwwwfff", b.play("u u u u u u u u f"))
}

func TestSince(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{UnknownMax: time.Minute}, spec(key))
	since := func() time.Time {
		e, _ := b.Entry(key)
		return e.Since
	}
	added := b.now
	require.Equal(t, added, since())
	b.wait(time.Second)
	b.record(key, probes.Pass)
	passed := b.now
	b.play("p f")
	require.Equal(t, passed, since())
	b.play("f")
	require.Equal(t, b.now, since())
	b.play("p")
	b.play("u")
	held := b.now
	b.play("u u")
	require.Equal(t, held, since())
	b.play("u u u u u")
	require.Equal(t, held.Add(time.Minute), since())
	b.play("p")
	last := b.now
	b.play("300s")
	require.Equal(t, last.Add(3*every), since())
	b.play("f")
	require.Equal(t, last.Add(3*every), since(), "the fall is as old as the silence")
}

// Of two limits that have both passed, the first tells since when.
func TestSinceOfTwoLimits(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{UnknownMax: 45 * time.Second}, spec(key))
	b.play("p u")
	b.wait(time.Hour)
	e, _ := b.Entry(key)
	require.Equal(t, e.Last.Start.Add(3*every), e.Since)
	require.Contains(t, e.Why, "stale")
	b = newBench(t, Options{UnknownMax: 15 * time.Second}, spec(key))
	b.play("p u")
	b.wait(time.Hour)
	e, _ = b.Entry(key)
	require.Equal(t, e.Last.Start.Add(15*time.Second), e.Since)
}

func TestBackoffExtendsFreshnessWithinUnknownMax(t *testing.T) {
	t.Parallel()
	stale := func(b *bench) bool {
		e, _ := b.Entry(key)
		return e.Stale
	}
	b := newBench(t, Options{UnknownMax: 5 * time.Minute}, spec(key))
	b.record(key, probes.Pass)
	b.record(key, probes.Unknown, b.pauseUntil(2*time.Minute))
	for range 12 {
		b.wait(every)
		require.Equal(t, probes.Warn, b.Verdict().Outcome)
		require.False(t, stale(b))
	}
	b.wait(every) // the run that was due at the end of the pause had an interval's time
	require.True(t, stale(b))
	require.False(t, b.Verdict().OK)

	b = newBench(t, Options{UnknownMax: 5 * time.Minute}, spec(key))
	b.record(key, probes.Pass, b.pauseUntil(time.Hour))
	b.wait(5*time.Minute - 1)
	require.True(t, b.Verdict().OK)
	e, _ := b.Entry(key)
	require.False(t, e.NotBefore.IsZero())
	b.wait(1)
	require.True(t, stale(b))
	require.False(t, b.Verdict().OK)

	// A pause that a skipped run tells of counts as well, a shorter one does not shrink it.
	b = newBench(t, Options{}, spec(key))
	b.record(key, probes.Pass)
	b.Skip(key, probes.SkipBudget, b.now.Add(time.Minute))
	b.Skip(key, probes.SkipOverrun, time.Time{})
	b.wait(time.Minute)
	require.True(t, b.Verdict().OK)
	e, _ = b.Entry(key)
	require.True(t, e.NotBefore.IsZero(), "a pause that is over is still shown")
	require.Equal(t, map[probes.SkipCause]uint64{probes.SkipBudget: 1, probes.SkipOverrun: 1}, e.Skipped)
}

func TestSkippedResultsOnlyCount(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, spec(key))
	b.record(key, probes.Pass)
	seen := 0
	b.Observe(func(Key, Spec, probes.Result) { seen++ })
	b.wait(every)
	b.Record(key, probes.Result{Skipped: probes.SkipBackoff, Outcome: probes.Fail, NotBefore: b.now.Add(time.Minute)})
	e, _ := b.Entry(key)
	require.Zero(t, seen)
	require.Equal(t, probes.Pass, e.Verdict)
	require.Equal(t, [4]uint64{probes.Pass: 1}, e.Runs)
	require.Equal(t, b.now.Add(time.Minute), e.NotBefore)
	require.Equal(t, uint64(1), e.Skipped[probes.SkipBackoff])
}

func TestCountsAndResults(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, spec(key))
	var observed []probes.Outcome
	b.Observe(func(k Key, s Spec, r probes.Result) {
		require.Equal(t, key, k)
		require.Equal(t, "login", s.Kind)
		e, _ := b.Entry(k) // an observer may read the state
		require.Equal(t, r.Outcome, e.Last.Outcome)
		observed = append(observed, r.Outcome)
	})
	b.play("p f u")
	old, _ := b.Entry(key)
	b.play("f w")
	e, _ := b.Entry(key)
	require.Equal(t, [4]uint64{probes.Pass: 1, probes.Warn: 1, probes.Fail: 2, probes.Unknown: 1}, e.Runs)
	require.Equal(t, map[StepReason]uint64{{"token", probes.ReasonCredentialsRefused}: 2}, e.Failures)
	require.Equal(t, uint64(1), old.Failures[StepReason{"token", probes.ReasonCredentialsRefused}], "an older snapshot changed")
	require.Equal(t, probes.Unknown, old.Last.Outcome)
	require.Equal(t, probes.Fail, old.LastConclusive.Outcome)
	require.Equal(t, b.now, e.LastPass)
	require.Equal(t, []probes.Outcome{probes.Pass, probes.Fail, probes.Unknown, probes.Fail, probes.Warn}, observed)

	b.Record(Key{Probe: "nobody"}, probes.Result{Outcome: probes.Fail})
	require.Len(t, observed, 5)
	_, ok := b.Entry(Key{Probe: "nobody"})
	require.False(t, ok)
}

func TestFactsOutliveRunsThatMeasureNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{}, spec(key))
	end, n, offset := b.now.AddDate(0, 1, 0), 3, time.Second
	b.record(key, probes.Pass, func(r *probes.Result) {
		r.Facts = probes.Facts{
			CertificateNotAfter: end, JWKSKeys: &n, KeyIDs: []string{"k"}, ClockOffset: &offset,
			TokenLifetimes: map[string]time.Duration{"id_token": time.Hour},
		}
	})
	want, _ := b.Entry(key)
	b.record(key, probes.Fail)
	got, _ := b.Entry(key)
	require.Equal(t, want.Facts, got.Facts)
	later := end.AddDate(1, 0, 0)
	b.record(key, probes.Fail, func(r *probes.Result) { r.Facts.CertificateNotAfter = later })
	got, _ = b.Entry(key)
	require.Equal(t, later, got.Facts.CertificateNotAfter)
	require.Equal(t, 3, *got.Facts.JWKSKeys)
}
