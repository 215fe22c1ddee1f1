package web

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// fakeStore is a disk that can break.
type fakeStore struct {
	mu      sync.Mutex
	err     error
	drains  map[string]maintenance.Drain
	windows map[string]maintenance.Window
}

func (f *fakeStore) do(act func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		act()
	}
	return f.err
}

func (f *fakeStore) breaks(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeStore) Drains(context.Context) ([]maintenance.Drain, error)   { return nil, f.err }
func (f *fakeStore) Windows(context.Context) ([]maintenance.Window, error) { return nil, f.err }

func (f *fakeStore) PutDrain(_ context.Context, d maintenance.Drain) error {
	return f.do(func() {
		if f.drains == nil {
			f.drains = map[string]maintenance.Drain{}
		}
		f.drains[d.Node] = d
	})
}

func (f *fakeStore) DeleteDrain(_ context.Context, nodes ...string) error {
	return f.do(func() {
		for _, n := range nodes {
			delete(f.drains, n)
		}
	})
}

func (f *fakeStore) PutWindow(_ context.Context, w maintenance.Window) error {
	return f.do(func() {
		if f.windows == nil {
			f.windows = map[string]maintenance.Window{}
		}
		f.windows[w.ID] = w
	})
}

func (f *fakeStore) DeleteWindow(_ context.Context, ids ...string) error {
	return f.do(func() {
		for _, id := range ids {
			delete(f.windows, id)
		}
	})
}

func newBook(t *testing.T, store maintenance.Store) *maintenance.Book {
	t.Helper()
	b := maintenance.New(maintenance.Options{Store: store})
	require.NoError(t, b.Load(t.Context(), time.Time{}))
	return b
}

// auditTrail keeps records, and tells when they cannot be kept.
type auditTrail struct {
	mu      sync.Mutex
	err     error
	records []audit.Record
	access  []audit.Record
}

func (a *auditTrail) Access(r audit.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.access = append(a.access, r)
}

func (a *auditTrail) Admin(_ context.Context, r audit.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.records = append(a.records, r)
	}
	return a.err
}

func (a *auditTrail) admin() []audit.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]audit.Record(nil), a.records...)
}

func (a *auditTrail) failed() (list []audit.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.access {
		if r.Outcome == audit.OutcomeFailed {
			list = append(list, r)
		}
	}
	return list
}

// estate is a server with a real state and a real book: three nodes, a login
// that gates, and a certificate that does not.
type estate struct {
	*server
	t      *testing.T
	bearer string
	state  *state.State
	book   *maintenance.Book
	disk   *fakeStore
	trail  *auditTrail
}

// suppressor lets the state ask the book, as the exporter does.
type suppressor struct{ *maintenance.Book }

func (s suppressor) Suppressed(probe, node string, at time.Time) (string, time.Time, bool) {
	cause, until, _, ok := s.Book.Suppressed(probe, node, at)
	return string(cause), until, ok
}

func (s suppressor) Drained(node string, _ time.Time) (time.Time, bool) {
	for _, d := range s.Drains() {
		if d.Node == node {
			return d.Until, true
		}
	}
	return time.Time{}, false
}

func newEstate(t *testing.T, change ...func(*Options)) *estate {
	t.Helper()
	e := &estate{t: t, disk: &fakeStore{}, trail: &auditTrail{}}
	e.book = newBook(t, e.disk)
	e.state = state.New(state.Options{Suppressor: suppressor{e.book}})
	var specs []state.Spec
	for _, node := range []string{"", "n1", "n2", "n3"} {
		specs = append(specs,
			state.Spec{Key: state.Key{Probe: "login", Node: node}, Kind: "login", Provider: "acme", Gates: true, Every: time.Minute, FailAfter: 1, PassAfter: 1},
			state.Spec{Key: state.Key{Probe: "certificate", Node: node}, Kind: "http", Provider: "acme", Every: time.Minute, FailAfter: 1, PassAfter: 1})
	}
	e.state.Configure(specs, state.Options{})
	for _, s := range specs {
		e.record(s.Probe, s.Node, probes.Pass)
	}
	config, bearer := withToken(t, access.All)
	config.Open = []string{access.OpenTestall}
	o := options()
	o.Access, o.State, o.Maintenance, o.Audit = config, e.state, e.book, e.trail
	for _, c := range change {
		c(&o)
	}
	e.server, e.bearer = start(t, o), bearer
	return e
}

func (e *estate) record(probe, node string, outcome probes.Outcome) {
	r := probes.Result{Outcome: outcome, Start: time.Now()}
	if outcome != probes.Pass {
		r.FailedStep, r.Reason = "token", probes.ReasonTokenInvalid
	}
	e.state.Record(state.Key{Probe: probe, Node: node}, r)
}

// with sends with the credential.
func (e *estate) with(method, path, body string, header ...string) answer {
	e.t.Helper()
	return e.send(e.t, method, path, body, append(header, "Authorization", e.bearer)...)
}

func (e *estate) drained(body string) drainJSON {
	e.t.Helper()
	var d drainJSON
	require.NoError(e.t, json.Unmarshal([]byte(body), &d), body)
	return d
}
