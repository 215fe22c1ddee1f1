package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeState combines the verdicts of its entries as they are.
type fakeState struct {
	entries       []state.Entry
	disagreements []state.Disagreement
	broken        atomic.Bool
	changes       atomic.Int64
}

func (f *fakeState) Verdict() state.Verdict {
	return f.VerdictOf(func(state.Spec) bool { return true })
}

func (f *fakeState) VerdictOf(keep func(state.Spec) bool) state.Verdict {
	v := state.Verdict{Outcome: probes.Pass}
	any := false
	for _, e := range f.entries {
		if !e.Gates || !keep(e.Spec) {
			continue
		}
		any = true
		if e.Verdict != probes.Pass {
			v.Outcome = max(v.Outcome, e.Verdict)
			v.Reasons = append(v.Reasons, e.Why)
		}
	}
	if !any {
		v.Outcome = probes.Fail
	}
	if f.broken.Load() {
		v.Outcome, v.Reasons = probes.Fail, []string{"broken"}
	}
	v.OK = v.Outcome.OK()
	return v
}

func (f *fakeState) NodeVerdict(node string) state.Verdict {
	return f.NodeVerdictOf(node, func(state.Spec) bool { return true })
}

func (f *fakeState) NodeVerdictOf(node string, keep func(state.Spec) bool) state.Verdict {
	v := f.VerdictOf(func(s state.Spec) bool { return s.Node == node && keep(s) })
	if len(v.Reasons) == 0 && !v.OK {
		v.Reasons = []string{state.NoProbeGates}
	}
	return v
}

func (f *fakeState) Disagreements() []state.Disagreement { return f.disagreements }

func (f *fakeState) SuppressionChanged() { f.changes.Add(1) }

func (f *fakeState) Snapshot() []state.Entry { return f.entries }

func (f *fakeState) Entry(k state.Key) (state.Entry, bool) {
	for _, e := range f.entries {
		if e.Key == k {
			return e, true
		}
	}
	return state.Entry{}, false
}

// entry makes one whose last run had the outcome.
func entry(probe, node string, gates bool, outcome probes.Outcome) state.Entry {
	r := &probes.Result{
		Outcome: outcome, Start: time.Now().Add(-3 * time.Second), Duration: 250 * time.Millisecond,
		Steps: []probes.Step{{Name: "discovery", Duration: 100 * time.Millisecond, Outcome: probes.Pass}},
	}
	e := state.Entry{
		Spec: state.Spec{
			Key: state.Key{Probe: probe, Node: node}, Kind: "login", Provider: "acme", Severity: probes.Critical,
			Gates: gates, Every: time.Minute, FailAfter: 2, PassAfter: 1,
		},
		Last: r, LastConclusive: r, Verdict: outcome, Since: time.Now().Add(-time.Hour),
	}
	e.Runs[outcome] = 7
	if outcome != probes.Pass {
		r.FailedStep, r.Reason, r.Detail = "token", probes.ReasonTokenInvalid, "alg none <script>"
		e.Why = probe + ": token: token_invalid: alg none <script>"
		e.Failures = map[state.StepReason]uint64{{Step: "token", Reason: probes.ReasonTokenInvalid}: 3}
	}
	return e
}

func healthyState() *fakeState {
	return &fakeState{entries: []state.Entry{
		entry("login", "", true, probes.Pass), entry("login", "n1", true, probes.Pass), entry("rule", "", false, probes.Pass),
	}}
}

type fakeRunner func(context.Context, state.Key) (probes.Result, error)

func (f fakeRunner) RunNow(ctx context.Context, k state.Key) (probes.Result, error) { return f(ctx, k) }

type fakeSwitches struct {
	mu sync.Mutex
	on map[string]bool
}

func (f *fakeSwitches) List() []Switch {
	f.mu.Lock()
	defer f.mu.Unlock()
	return []Switch{{"crm-down", "the CRM is down", f.on["crm-down"]}}
}

func (f *fakeSwitches) Set(name string, on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.on[name] = on
	return nil
}

type fakeCounter struct {
	mu    sync.Mutex
	codes map[int]int
}

func (f *fakeCounter) CountTestall(code int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.codes[code]++
}

func (f *fakeCounter) of(code int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.codes[code]
}

// options are complete and serve on loopback; tests change what they are about.
func options() Options {
	return Options{
		Addresses: []string{"127.0.0.1:0"},
		State:     healthyState(),
		Runner: fakeRunner(func(context.Context, state.Key) (probes.Result, error) {
			return *entry("login", "", true, probes.Pass).Last, nil
		}),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Reload:  func(context.Context) error { return nil },
		Version: "1.2.3",
	}
}

// server is a running server under test.
type server struct {
	*Server
	url    string
	stop   func()
	client *http.Client
}

func start(t testing.TB, o Options, change ...func(*Server)) *server {
	t.Helper()
	s, err := New(o)
	require.NoError(t, err)
	for _, c := range change {
		c(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			transport.CloseIdleConnections()
			select {
			case err := <-done:
				require.NoError(t, err)
			case <-time.After(20 * time.Second):
				require.Fail(t, "the server does not stop")
			}
		})
	}
	t.Cleanup(stop)
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &server{Server: s, url: "http://" + s.Addresses()[0].String(), stop: stop, client: client}
}

// health is the server by one of its health listeners, the first by default.
func (s *server) health(number ...int) *server {
	i := len(s.options.Addresses)
	for _, n := range number {
		i += n
	}
	c := *s
	c.url = "http://" + s.Addresses()[i].String()
	return &c
}

type answer struct {
	code   int
	header http.Header
	body   string
}

// do sends a request; header holds names and values in turn.
func (s *server) do(t testing.TB, method, path string, header ...string) answer {
	t.Helper()
	return s.send(t, method, path, "", header...)
}

// send does the same with a body.
func (s *server) send(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	res, err := s.client.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(b)}
}

func (s *server) get(t testing.TB, path string, header ...string) answer {
	t.Helper()
	return s.do(t, http.MethodGet, path, header...)
}

// tokenFor makes a token with the scopes and its entry.
func tokenFor(t testing.TB, scopes ...string) (string, access.Token) {
	t.Helper()
	token, e, err := access.CreateToken("holder of "+scopes[0], scopes)
	require.NoError(t, err)
	return token, e
}

func withToken(t testing.TB, scopes ...string) (*access.Config, string) {
	t.Helper()
	token, e := tokenFor(t, scopes...)
	return &access.Config{Tokens: []access.Token{e}, RateLimit: access.RateLimit{PerSecond: new(0.0)}, GuessLimit: new(0)}, "Bearer " + token
}

// logBuffer is a log for tests to search.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func debugLog() (*logBuffer, *slog.Logger) {
	b := &logBuffer{}
	return b, slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

var errTest = errors.New("probes[0].every: want a duration")
