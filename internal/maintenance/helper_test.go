package maintenance

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a Store whose disk can break.
type memory struct {
	mu      sync.Mutex
	drains  map[string]Drain
	windows map[string]Window
	err     error
	writes  int
}

func newMemory() *memory {
	return &memory{drains: map[string]Drain{}, windows: map[string]Window{}}
}

func (m *memory) breaks(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) do(f func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	f()
	m.writes++
	return nil
}

func (m *memory) Drains(context.Context) (all []Drain, err error) {
	err = m.do(func() { all = slices.Collect(maps.Values(m.drains)) })
	return all, err
}

func (m *memory) PutDrain(_ context.Context, d Drain) error {
	return m.do(func() { m.drains[d.Node] = d })
}

func (m *memory) DeleteDrain(_ context.Context, nodes ...string) error {
	return m.do(func() {
		for _, n := range nodes {
			delete(m.drains, n)
		}
	})
}

func (m *memory) Windows(context.Context) (all []Window, err error) {
	err = m.do(func() { all = slices.Collect(maps.Values(m.windows)) })
	return all, err
}

func (m *memory) PutWindow(_ context.Context, w Window) error {
	return m.do(func() { m.windows[w.ID] = w })
}

func (m *memory) DeleteWindow(_ context.Context, ids ...string) error {
	return m.do(func() {
		for _, id := range ids {
			delete(m.windows, id)
		}
	})
}

var errDisk = errors.New("the disk is gone")

// clock is a time that tests set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

// start is noon of a Wednesday.
func start() time.Time { return time.Date(2031, 1, 8, 12, 0, 0, 0, time.UTC) }

func book(t *testing.T, windows string) (*Book, *memory, *clock) {
	t.Helper()
	m, c := newMemory(), &clock{t: start()}
	b := New(Options{Store: m, Now: c.now})
	require.NoError(t, b.Load(t.Context(), time.Time{}))
	require.NoError(t, b.Configure(decoded(t, windows)))
	return b, m, c
}

type file struct {
	Maintenance []Recurring `yaml:"maintenance"`
}

// decoded reads windows as the configuration file does.
func decoded(t *testing.T, windows string) []Recurring {
	t.Helper()
	f, problems := decode("maintenance:\n" + windows)
	require.Empty(t, problems)
	return f.Maintenance
}

// decode reads a file and returns every problem of its text and its windows.
func decode(content string) (file, strict.Problems) {
	var f file
	doc := strict.Parse(strings.NewReader(content), "f", ".")
	doc.Decode(doc.Root, "", &f)
	for _, p := range Check(f.Maintenance, Known{}, start()) {
		doc.Add("maintenance"+p.Path, p.Warning, "%s", p.Message)
	}
	return f, doc.Problems()
}

// in is a wall-clock time such as "2031-03-30 02:30" in a zone.
func in(t testing.TB, zone, wall string) time.Time {
	t.Helper()
	l, err := time.LoadLocation(zone)
	require.NoError(t, err)
	at, err := time.ParseInLocation("2006-01-02 15:04", wall, l)
	require.NoError(t, err)
	return at
}
