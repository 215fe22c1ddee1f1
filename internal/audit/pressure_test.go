package audit

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// gated opens a log whose disk waits for every write until the gate is closed,
// and which is waiting now.
func gated(t *testing.T, o Options) (*Log, chan struct{}) {
	t.Helper()
	f := &faulty{gate: make(chan struct{})}
	o.fs = f
	go func() { f.gate <- struct{}{} }() // the start record
	l := open(t, o)
	l.Access(scrape)
	eventually(t, func() bool { return len(take(l)) == 0 })
	return l, f.gate
}

func TestPressure(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Buffer = 100
	l, gate := gated(t, o)
	for range 1000 {
		l.Access(scrape)
	}
	// Accesses have no room any more; what weighs more has.
	verdict := Record{Event: EventVerdict, Actor: Actor{Kind: "exporter"}, Target: "sign-in", Detail: "pass -> fail"}
	for range 50 {
		l.Access(verdict)
	}
	acknowledged := make(chan error)
	go func() { acknowledged <- l.Admin(t.Context(), drain) }()
	eventually(t, func() bool { return len(take(l)) == 151 })
	require.EqualValues(t, 900, l.Stats().TurnedAway)
	close(gate)
	require.NoError(t, <-acknowledged)
	l.Access(scrape)
	require.NoError(t, l.Close())
	r := sound(t, o)
	require.EqualValues(t, 900, r.Dropped)
	require.Equal(t, 1+1+100+50+1+1+1, r.Records)
	for _, s := range records(t, o) {
		if s.Dropped > 0 {
			require.EqualValues(t, 900, s.Dropped, "told by the next line")
		}
	}
}

func TestPressureInBytes(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Buffer = 100
	l, gate := gated(t, o)
	long := scrape
	long.Target = string(bytes.Repeat([]byte("x"), maxTarget))
	for range 100 {
		l.Access(long)
	}
	l.queue.mu.Lock()
	held := len(l.queue.batch.text)
	l.queue.mu.Unlock()
	require.LessOrEqual(t, held, 100*meanText)
	require.NotZero(t, l.Stats().TurnedAway)
	close(gate)
	require.NoError(t, l.Close())
	require.Equal(t, l.Stats().TurnedAway, sound(t, o).Dropped)
}

func TestTooManyAdminsWait(t *testing.T) {
	t.Parallel()
	o := options(t)
	l, gate := gated(t, o)
	done := make(chan error, maxAdmins)
	for range maxAdmins {
		go func() { done <- l.Admin(t.Context(), drain) }()
	}
	eventually(t, func() bool { return len(take(l)) == maxAdmins })
	require.ErrorIs(t, l.Admin(t.Context(), drain), errBusy)
	close(gate)
	for range maxAdmins {
		require.NoError(t, <-done)
	}
	require.NoError(t, l.Close())
	require.EqualValues(t, 1, sound(t, o).Dropped)
}

// output is a standard output that can fail.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	fail bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail {
		n, _ := o.buf.Write(b[:len(b)/2])
		return n, io.ErrShortWrite
	}
	return o.buf.Write(b)
}

func (o *output) set(fail bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = fail
}

func TestStdoutBesideFile(t *testing.T) {
	t.Parallel()
	o := options(t)
	out := &output{}
	o.Config.Stdout, o.Stdout = true, out
	l := open(t, o)
	fill(t, l, 500)
	require.NoError(t, l.Close())
	require.Equal(t, string(read(t, o.Config.File.Path)), out.buf.String())
	require.Equal(t, SinkStats{Name: "stdout", Written: 502}, l.Stats().Sinks[1])

	out.set(true) // it harms nobody else
	l = open(t, o)
	fill(t, l, 100)
	require.NoError(t, l.Close())
	sound(t, o)
	s := l.Stats().Sinks[1]
	require.True(t, s.Failing)
	require.NotZero(t, s.Errors)
	require.EqualValues(t, 102, s.Dropped+s.Written)
}

func TestStdoutAlone(t *testing.T) {
	t.Parallel()
	out := &output{}
	o := Options{Config: Config{Stdout: true}, Stdout: out}
	for range 2 {
		l := open(t, o)
		require.NoError(t, l.Admin(t.Context(), drain))
		require.NoError(t, l.Close())
	}
	l := open(t, o)
	out.set(true)
	require.ErrorContains(t, l.Admin(t.Context(), drain), "standard output")
	out.set(false)
	require.NoError(t, l.Admin(t.Context(), drain))
	require.NoError(t, l.Close())
	r, err := Verify("stdout", &out.buf, VerifyOptions{Runs: true})
	require.NoError(t, err)
	require.Equal(t, 3, r.Starts)
	require.EqualValues(t, 1, r.Dropped)
	// A half-written line cannot be taken back from a stream: it shows.
	require.Equal(t, 1, r.Broken)
	require.Equal(t, FaultUnreadable, r.Problems[0].Fault)
}

func TestNoSink(t *testing.T) {
	t.Parallel()
	l := open(t, Options{})
	require.NoError(t, l.Admin(t.Context(), drain))
	l.Access(scrape)
	require.NoError(t, l.Close())
	require.Empty(t, l.Stats().Sinks)
}
