package probes

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWorst(t *testing.T) {
	t.Parallel()
	soon, late := time.Now().Add(time.Minute), time.Now().Add(time.Hour)
	warn := &Failure{Outcome: Warn, Reason: ReasonSlow, Err: errors.New("slow")}
	unknown := &Failure{Outcome: Unknown, Reason: ReasonRateLimited, Err: errors.New("429"), NotBefore: late}
	fail := &Failure{Outcome: Fail, Reason: ReasonHTTPStatus, Err: errors.New("500"), NotBefore: soon}
	other := errors.New("a defect")
	for name, c := range map[string]struct {
		errs    []error
		outcome Outcome
		step    string
		reason  Reason
		until   time.Time
		detail  string
	}{
		"nothing":                {[]error{nil, nil}, Pass, "", "", time.Time{}, ""},
		"a warning":              {[]error{nil, warn}, Warn, "b", ReasonSlow, time.Time{}, "slow"},
		"the gravest":            {[]error{warn, unknown, fail, unknown}, Fail, "c", ReasonHTTPStatus, late, "500; also: 429; slow"},
		"unknown before warning": {[]error{warn, unknown, warn}, Unknown, "b", ReasonRateLimited, late, "429; also: slow"},
		"the first of equals":    {[]error{fail, other}, Fail, "a", ReasonHTTPStatus, soon, "500; also: a defect"},
		"an ordinary error":      {[]error{warn, other}, Fail, "b", ReasonInternal, time.Time{}, "a defect; also: slow"},
	} {
		r := NewRun(nil)
		var w Worst
		for i, err := range c.errs {
			step := string(rune('a' + i))
			w.Add(step, r.Step(step, func() error { return err }))
		}
		got := w.Finish(r)
		require.Equal(t, c.outcome, got.Outcome, name)
		require.Equal(t, c.step, got.FailedStep, name)
		require.Equal(t, c.reason, got.Reason, name)
		require.Equal(t, c.until, got.NotBefore, name)
		require.Equal(t, c.detail, got.Detail, name)
		require.Len(t, got.Steps, len(c.errs), name)
	}
	require.Equal(t, soon, fail.NotBefore, "what was handed in stays as it was")
}

func TestResourceStatusIsStored(t *testing.T) {
	t.Parallel()
	want := Result{Outcome: Fail, Facts: Facts{ResourceStatus: map[string]int{"cpu": 204, "disk": 520}}}
	b, err := json.Marshal(want)
	require.NoError(t, err)
	require.Contains(t, string(b), `"resource_status":{"cpu":204,"disk":520}`)
	var got Result
	require.NoError(t, json.Unmarshal(b, &got))
	require.Equal(t, want.Facts.ResourceStatus, got.Facts.ResourceStatus)
}
