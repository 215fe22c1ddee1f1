package alarm

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	labelsA    = `"alertname":"Slow","instance":"https://idp","severity":"page"`
	noon       = "2026-09-01T10:00:00Z"
	afternoon  = "2026-09-01T10:05:00Z"
	evening    = "2026-09-01T10:10:00Z"
	night      = "2026-09-01T10:15:00Z"
	notEnded   = "0001-01-01T00:00:00Z"
	firingA    = "firing"
	resolvedA  = "resolved"
	slowRaised = "raise Slow critical"
	slowClear  = "clear Slow"
)

// post hands in a webhook that has to be taken.
func post(t *testing.T, e *Engine, alerts ...string) Outcome {
	t.Helper()
	o, err := e.Handle(t.Context(), strings.NewReader(hook(alerts...)))
	require.NoError(t, err)
	synctest.Wait()
	return o
}

func TestAlertFiresAndResolves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, m := &receiver{}, newMemory()
		e, _ := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		require.Equal(t, Outcome{Firing: 1}, post(t, e, alertJSON(firingA, labelsA, noon, notEnded)))
		a := r.last().Alarm
		require.Equal(t, "sum: desc", a.Text)
		require.Equal(t, "https://idp", a.Target)
		require.Equal(t, "page", a.Labels["severity"])
		require.Regexp(t, "^slow-[a-f0-9]{24}$", a.ID)
		for range 3 {
			time.Sleep(time.Hour)
			post(t, e, alertJSON(firingA, labelsA, noon, notEnded), alertJSON(firingA, labelsA, noon, notEnded))
		}
		require.Equal(t, 1, r.count(), "redelivered and repeated")
		post(t, e, alertJSON(resolvedA, labelsA, noon, afternoon))
		post(t, e, alertJSON(resolvedA, labelsA, noon, afternoon))
		require.Equal(t, []string{slowRaised, slowClear}, r.told())
		require.Contains(t, r.last().Alarm.Text, "resolved")
	})
}

func TestAlertsOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		alerts []string
		want   []string
		late   int
	}{
		"resolved without firing": {[]string{alertJSON(resolvedA, labelsA, noon, afternoon)}, []string{}, 0},
		"the firing comes after its resolve": {[]string{
			alertJSON(resolvedA, labelsA, noon, afternoon), alertJSON(firingA, labelsA, noon, notEnded),
		}, []string{}, 1},
		"again after its resolve": {[]string{
			alertJSON(firingA, labelsA, noon, notEnded), alertJSON(resolvedA, labelsA, noon, afternoon), alertJSON(firingA, labelsA, noon, notEnded),
		}, []string{slowRaised, slowClear}, 1},
		"it fires anew": {[]string{
			alertJSON(firingA, labelsA, noon, notEnded), alertJSON(resolvedA, labelsA, noon, afternoon), alertJSON(firingA, labelsA, evening, notEnded),
		}, []string{slowRaised, slowClear, slowRaised}, 0},
		"a resolve of the time before": {[]string{
			alertJSON(firingA, labelsA, evening, notEnded), alertJSON(resolvedA, labelsA, noon, afternoon),
		}, []string{slowRaised}, 1},
		"a firing of the time before, then the true resolve": {[]string{
			alertJSON(resolvedA, labelsA, noon, afternoon), alertJSON(firingA, labelsA, evening, notEnded),
			alertJSON(firingA, labelsA, noon, notEnded), alertJSON(resolvedA, labelsA, evening, night),
		}, []string{slowRaised, slowClear}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{}
				e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
				n := 0
				for _, a := range c.alerts {
					n += post(t, e, a).Late
				}
				require.Equal(t, c.want, r.told())
				require.Equal(t, c.late, n)
			})
		})
	}
}

// What Alertmanager gave up for lack of news fires again, with the same start.
func TestAlertComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
		post(t, e, alertJSON(firingA, labelsA, noon, notEnded))
		post(t, e, alertJSON(resolvedA, labelsA, noon, afternoon))
		time.Sleep(5 * time.Minute)
		post(t, e, alertJSON(firingA, labelsA, noon, notEnded))
		require.Equal(t, []string{slowRaised, slowClear, slowRaised}, r.told())
	})
}

func TestSilencedAndForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, m, c := &receiver{}, newMemory(), config()
		c.StaleAfter = time.Hour
		e, stop := running(t, Options{Store: m}, c, bridge(c, "b", r, true))
		post(t, e, alertJSON(firingA, labelsA, noon, notEnded))
		time.Sleep(30 * time.Minute)
		stop()
		time.Sleep(10 * time.Hour)
		e, _ = running(t, Options{Store: m}, c, bridge(c, "b", r, true))
		time.Sleep(59 * time.Minute)
		require.Equal(t, 1, r.count(), "that the exporter was off is not Alertmanager's silence")
		time.Sleep(2 * time.Minute)
		require.Equal(t, "raise Slow indeterminate", r.told()[1])
		require.Contains(t, r.last().Alarm.Text, "has not repeated")
		require.True(t, e.Alarms()[0].Stale)
		post(t, e, alertJSON(firingA, labelsA, noon, notEnded))
		require.Equal(t, slowRaised, r.told()[2])
		time.Sleep(2*time.Hour + time.Minute)
		require.Equal(t, []string{"raise Slow indeterminate", slowClear}, r.told()[3:])
		require.Contains(t, r.last().Alarm.Text, "silenced, inhibited, or forgotten")
	})
}

func TestTruncatedAlertsAreNotForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, c := &receiver{}, config()
		c.StaleAfter = time.Hour
		e, _ := running(t, Options{Store: newMemory()}, c, bridge(c, "b", r, true))
		post(t, e, alertJSON(firingA, labelsA, noon, notEnded))
		other := alertJSON(firingA, `"alertname":"Other"`, noon, notEnded)
		for range 5 {
			time.Sleep(50 * time.Minute)
			body := strings.Replace(hook(other), `"truncatedAlerts":0`, `"truncatedAlerts":1`, 1)
			o, err := e.Handle(t.Context(), strings.NewReader(body))
			require.NoError(t, err)
			require.Equal(t, 1, o.Truncated)
		}
		require.Equal(t, 2, r.count())
	})
}

func TestSourcesOfOneAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{Store: newMemory()}, config(), bridge(config(), "b", r, true))
		of := func(severity, replica, status string) string {
			return alertJSON(status, `"alertname":"Slow","severity":"`+severity+`","prometheus_replica":"`+replica+`"`, noon, evening)
		}
		post(t, e, of("warning", "a", firingA))
		post(t, e, of("warning", "b", firingA))
		require.Equal(t, 1, r.count(), "two replicas see the same")
		post(t, e, of("critical", "a", firingA))
		post(t, e, of("critical", "a", resolvedA))
		post(t, e, of("warning", "a", resolvedA))
		require.Equal(t, []string{"raise Slow warning", slowRaised, "raise Slow warning"}, r.told(), "active while any fires, as severe as the worst")
		post(t, e, of("warning", "b", resolvedA), of("critical", "b", firingA))
		require.Equal(t, slowRaised, r.told()[3], "in one webhook, whatever the order")
		post(t, e, of("critical", "b", resolvedA))
		require.Equal(t, slowClear, r.told()[4])
	})
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, c := &receiver{}, config()
		c.Severities = map[string]string{"Sev1": "critical", "warning": "minor"}
		e, _ := running(t, Options{Store: newMemory()}, c, bridge(c, "b", r, true))
		for word, want := range map[string]probes.Severity{
			"critical": probes.Critical, "PAGE": probes.Critical, "error": probes.Major, "high": probes.Major, "info": probes.Indeterminate,
			"none": probes.Indeterminate, "sev1": probes.Critical, "warning": probes.Minor, "": probes.Indeterminate, "odd": probes.Indeterminate,
		} {
			post(t, e, alertJSON(firingA, `"alertname":"A`+word+`","severity":"`+word+`"`, noon, notEnded))
			require.Equal(t, want, r.last().Alarm.Severity, word)
		}
		require.EqualValues(t, 2, e.Stats().UnknownSeverities)
	})
}

func TestSuppressedAlert(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, suppressed := &receiver{}, map[string]string{"n1": "drained"}
		begin := time.Now()
		e, _ := running(t, Options{Store: newMemory(), Suppressed: func(_, node string, at time.Time) string {
			if at.Sub(begin) > time.Hour {
				return ""
			}
			return suppressed[node]
		}}, config(), bridge(config(), "b", r, true))
		post(t, e, alertJSON(firingA, `"alertname":"A","node":"n1"`, noon, notEnded), alertJSON(firingA, `"alertname":"B","node":"n2"`, noon, notEnded))
		require.Equal(t, []string{"raise B indeterminate"}, r.told())
		time.Sleep(time.Hour + time.Minute)
		require.Equal(t, "raise A indeterminate", r.told()[1], "the drain is over, the alert is not")
	})
}

func TestStorageFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, m := &receiver{}, newMemory()
		e, stop := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true, func(c *Common) { c.Transitions = All }))
		m.breaks(fmt.Errorf("the disk is full"))
		_, err := e.Handle(t.Context(), strings.NewReader(hook(alertJSON(firingA, labelsA, noon, notEnded))))
		require.ErrorIs(t, err, ErrStorage)
		e.Verdicts([]VerdictInput{failing("login", probes.Critical)})
		time.Sleep(time.Minute)
		require.ElementsMatch(t, []string{slowRaised, "raise login critical"}, r.told(), "delivered from memory")
		require.Positive(t, e.Stats().StorageErrors)
		m.breaks(nil)
		post(t, e, alertJSON(firingA, labelsA, noon, notEnded))
		time.Sleep(time.Minute)
		require.Equal(t, 2, r.count())
		stop()
		alarms, _, journal, _ := m.size()
		require.Equal(t, 2, alarms, "written once there is room")
		require.Zero(t, journal)
		_, _ = running(t, Options{Store: m}, config(), bridge(config(), "b", r, true, func(c *Common) { c.Transitions = All }))
		time.Sleep(time.Minute)
		require.Equal(t, 2, r.count())
	})
}

func TestStorageHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, m := &receiver{}, newMemory()
		e, _ := running(t, Options{Store: m}, config(), bridge(config(), "b", r, true))
		time.Sleep(time.Second)
		block := make(chan struct{})
		m.hangs(block)
		e.Verdicts([]VerdictInput{failing("login", probes.Critical)})
		time.Sleep(time.Second)
		require.Zero(t, r.count(), "on disk first")
		time.Sleep(patience)
		require.Equal(t, 1, r.count())
		e.Verdicts([]VerdictInput{failing("login", probes.Minor)})
		time.Sleep(patience)
		require.Equal(t, 2, r.count())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := e.Handle(ctx, strings.NewReader(hook(alertJSON(firingA, labelsA, noon, notEnded))))
		require.ErrorIs(t, err, ErrStorage)
		close(block)
		time.Sleep(time.Second)
		require.Equal(t, 3, r.count(), "and nothing twice")
	})
}

func TestNoStorage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		e, _ := running(t, Options{}, config(), bridge(config(), "b", r, true))
		_, err := e.Handle(t.Context(), strings.NewReader(hook(alertJSON(firingA, labelsA, noon, notEnded))))
		require.ErrorIs(t, err, ErrStorage)
		synctest.Wait()
		require.Equal(t, []string{slowRaised}, r.told())
	})
}

func TestMalformedWebhooks(t *testing.T) {
	t.Parallel()
	good := alertJSON(firingA, labelsA, noon, notEnded)
	big := config()
	for name, c := range map[string]struct {
		body string
		err  error
		want Outcome
	}{
		"empty":            {"", ErrMalformed, Outcome{}},
		"no object":        {"[]", ErrMalformed, Outcome{}},
		"cut":              {hook(good)[:100], ErrMalformed, Outcome{}},
		"more":             {hook(good) + "{}", ErrMalformed, Outcome{}},
		"another version":  {strings.Replace(hook(good), `"version":"4"`, `"version":"3"`, 1), ErrMalformed, Outcome{}},
		"no version":       {strings.Replace(hook(good), `"version":"4",`, ``, 1), ErrMalformed, Outcome{}},
		"no alerts":        {`{"version":"4"}`, ErrMalformed, Outcome{}},
		"alerts twice":     {`{"version":"4","alerts":[],"alerts":[]}`, ErrMalformed, Outcome{}},
		"none":             {hook(), nil, Outcome{}},
		"unknown fields":   {strings.Replace(hook(good), `{"version"`, `{"new":{"a":[1,{"b":2}]},"version"`, 1), nil, Outcome{Firing: 1}},
		"invalid UTF-8":    {hook(strings.Replace(good, "Slow", "Sl\xffow", 1)), ErrMalformed, Outcome{}},
		"one of two":       {hook(`{"status":"odd","labels":{"a":"b"}}`, good), nil, Outcome{Firing: 1, Malformed: 1, Problem: `the status of an alert is "odd"`}},
		"all":              {hook(`{"status":"firing","labels":{}}`), ErrMalformed, Outcome{}},
		"label is number":  {hook(`{"status":"firing","labels":{"a":1}}`, good), nil, Outcome{Firing: 1, Malformed: 1, Problem: `labels of an alert: "a" is no text`}},
		"labels no object": {hook(`{"status":"firing","labels":[1]}`, good), nil, Outcome{Firing: 1, Malformed: 1, Problem: `labels of an alert: they are no object`}},
		"label twice":      {hook(`{"status":"firing","labels":{"a":"1","a":"2"}}`, good), nil, Outcome{Firing: 1, Malformed: 1, Problem: `labels of an alert: "a" stands twice`}},
		"status is number": {hook(`{"status":7,"labels":{"a":"1"}}`, good), nil, Outcome{Firing: 1, Malformed: 1, Problem: `status is a number`}},
		"time":             {hook(alertJSON(firingA, labelsA, "yesterday", ""), good), nil, Outcome{Firing: 1, Malformed: 1, Problem: "startsAt of an alert: is no time of RFC 3339"}},
		"long label":       {hook(alertJSON(firingA, `"alertname":"`+strings.Repeat("x", maxLabelBytes)+`"`, noon, ""), good), nil, Outcome{Firing: 1, Malformed: 1, Problem: "the labels of an alert have more than 8192 bytes"}},
		"too many alerts":  {hook(strings.TrimSuffix(strings.Repeat(`{"status":"firing","labels":{"a":"b"}},`, maxAlerts+1), ",")), ErrMalformed, Outcome{}},
		"too large":        {hook(good) + strings.Repeat(" ", big.WebhookMaxBytes), ErrTooLarge, Outcome{}},
		"nested":           {`{"version":"4","x":` + strings.Repeat("[", 1<<20), ErrMalformed, Outcome{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := running(t, Options{Store: newMemory()}, config())
			o, err := e.Handle(t.Context(), strings.NewReader(c.body))
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, o)
		})
	}
}

// endless is a body of repeated text.
type endless struct {
	text string
	left int
}

func (r *endless) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.text)
	r.left -= n
	return n, nil
}

// hostile bodies and what they are.
func hostile() map[string]io.Reader {
	var labels strings.Builder
	labels.WriteString(`{"version":"4","alerts":[{"status":"firing","labels":{`)
	for i := range 1_000_000 {
		fmt.Fprintf(&labels, `"%x":"",`, i)
	}
	labels.WriteString(`"a":""}}]}`)
	var pairs strings.Builder
	pairs.WriteString(`{"version":"4","alerts":[`)
	for i := range 9000 {
		pairs.WriteString(`{"status":"firing","labels":{`)
		for j := range 40 {
			fmt.Fprintf(&pairs, `"%x":"",`, i+j)
		}
		pairs.WriteString(`"a":""}},`)
	}
	return map[string]io.Reader{
		"50 MB":            &endless{text: `{"version":"4","alerts":[`, left: 50 << 20},
		"a million labels": strings.NewReader(labels.String()),
		"many labels each": strings.NewReader(pairs.String()),
		"50 MB of 0xff":    &endless{text: "\xff\xfe", left: 50 << 20},
	}
}

// allocates returns how much f allocated in all, which is more than it held at
// once.
func allocates(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileWebhooksTakeLittleMemory(t *testing.T) {
	e, _ := running(t, Options{Store: newMemory()}, config())
	for name, body := range hostile() {
		var content []byte
		if text, ok := body.(*strings.Reader); ok {
			content = make([]byte, text.Len())
			_, _ = text.ReadAt(content, 0)
		}
		require.Less(t, allocates(func() {
			_, err := e.Handle(t.Context(), body)
			require.Error(t, err, name)
		}), uint64(32<<20), name)
		// However large a body may be, what is in it is no longer than that.
		require.Less(t, allocates(func() {
			_, err := parse(content)
			require.Error(t, err, name)
		}), uint64(1<<20), name)
	}
	require.Empty(t, e.Alarms())
}

func FuzzWebhook(f *testing.F) {
	f.Add([]byte(hook(alertJSON(firingA, labelsA, noon, notEnded), alertJSON(resolvedA, labelsA, noon, afternoon))))
	f.Add([]byte(hook(`{"status":"firing","labels":{"a":"1","a":"2"}}`)))
	f.Add([]byte(`{"version":"4","alerts":[{"labels":null,"annotations":{"runbook_url":"javascript:x"},"status":"firing"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		content, err := read(strings.NewReader(string(body)), 1<<16)
		if err != nil {
			return
		}
		p, err := parse(content)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		r := &receiver{}
		e := New(t.Context(), Options{Store: newMemory()})
		require.NoError(t, e.Configure(config(), []Bridge{bridge(config(), "b", r, true)}))
		defer e.Close()
		e.mu.Lock()
		defer e.mu.Unlock()
		for i := range p.alerts {
			e.alert(&p.alerts[i], p.group, time.Now())
		}
		for id, a := range e.alarms {
			require.Regexp(t, "^[a-z0-9-]{1,64}$", id)
			require.Equal(t, a.active, a.event != nil && a.event.Kind == bridges.Raise)
			if a.event != nil {
				require.LessOrEqual(t, len(a.event.Alarm.Text), maxText)
				require.True(t, a.event.Alarm.Runbook == "" || strings.HasPrefix(a.event.Alarm.Runbook, "http"))
			}
		}
	})
}
