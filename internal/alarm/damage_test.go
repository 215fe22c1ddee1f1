package alarm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/store"
	"github.com/idp-exporter/idp_exporter/probes"
)

// board is a console in the same process.
type board struct {
	mu     sync.Mutex
	shown  map[string]string
	events int
}

func (b *board) Deliver(_ context.Context, ev bridges.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events++
	switch ev.Kind {
	case bridges.Raise:
		b.shown[ev.Alarm.ID] = string(ev.Alarm.Severity)
	case bridges.Clear:
		delete(b.shown, ev.Alarm.ID)
	case bridges.Heartbeat:
	}
	return nil
}

func (b *board) Close() error { return nil }

func (b *board) shows() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.shown)
}

// exporter runs an Engine on a folder until the function it returns is called.
func exporter(t *testing.T, folder string, boards ...*board) (*alarm.Engine, *store.Store, func()) {
	t.Helper()
	db, err := store.Open(t.Context(), folder, nil)
	require.NoError(t, err)
	e := alarm.New(t.Context(), alarm.Options{Store: db, Resync: db.Report().SetAside != ""})
	c := alarm.NewConfig()
	c.Heartbeat = 0
	var all []alarm.Bridge
	for i, b := range boards {
		one := alarm.Bridge{Common: c.NewCommon(), New: func() ([]bridges.Destination, error) {
			return []bridges.Destination{{Name: "one", Acknowledged: true, Deliverer: b}}, nil
		}}
		one.Name = fmt.Sprint("b", i)
		if i > 0 {
			one.Transitions = alarm.All
		}
		all = append(all, one)
	}
	require.NoError(t, e.Configure(c, all))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.Run(ctx)
	}()
	return e, db, func() {
		cancel()
		<-done
		require.NoError(t, db.Close())
	}
}

// scene is a world with n probes and n alerts on some day, of which those that
// the function names are ill.
func scene(n, day int, ill func(int) bool) (verdicts []alarm.VerdictInput, hook string, want map[string]string) {
	want = map[string]string{}
	var alerts []map[string]any
	for i := range n {
		probe := fmt.Sprint("p", i)
		verdicts = append(verdicts, alarm.VerdictInput{Probe: probe, Severity: probes.Major, Known: true, Failing: ill(i), Text: strings.Repeat("x", 200)})
		a := map[string]any{"status": "resolved", "labels": alertLabels(i, "critical"),
			"startsAt": fmt.Sprintf("2026-09-%02dT10:00:00Z", day), "endsAt": fmt.Sprintf("2026-09-%02dT11:00:00Z", day)}
		if ill(i) {
			a["status"] = "firing"
			a["startsAt"] = "2026-09-01T10:00:00Z"
			if day > 1 && i%2 != 0 {
				a["startsAt"] = "2026-09-02T10:00:00Z" // it has begun since
			}
			delete(a, "endsAt")
			want[alarm.ProbeID("", probe, "")], want[alertID(i)] = "major", "critical"
		}
		alerts = append(alerts, a)
	}
	body, _ := json.Marshal(map[string]any{"version": "4", "alerts": alerts})
	return verdicts, string(body), want
}

func hand(t *testing.T, e *alarm.Engine, verdicts []alarm.VerdictInput, hook string) {
	t.Helper()
	e.Verdicts(verdicts)
	_, err := e.Handle(t.Context(), strings.NewReader(hook))
	require.NoError(t, err)
}

func eventually(t *testing.T, want map[string]string, b *board, what ...any) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !maps.Equal(want, b.shows()) && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
	}
	require.Equal(t, want, b.shows(), what...)
}

// Whatever happens to the file, the exporter goes on, and consoles come to show
// what is true: damaged records are left out, a damaged file is set aside.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	const n, page = 40, 4096
	folder, b := t.TempDir(), &board{shown: map[string]string{}}
	before, hookBefore, shown := scene(n, 1, func(i int) bool { return i%2 == 0 })
	e, _, stop := exporter(t, folder, b, &board{shown: map[string]string{}})
	hand(t, e, before, hookBefore)
	eventually(t, shown, b)
	stop()
	content, err := os.ReadFile(filepath.Join(folder, store.File))
	require.NoError(t, err)

	after, hookAfter, want := scene(n, 2, func(i int) bool { return i%3 == 0 })
	var aside, skipped, rest int
	try := func(damaged []byte, what string) {
		folder := t.TempDir()
		defer func() { _ = os.RemoveAll(folder) }()
		require.NoError(t, os.WriteFile(filepath.Join(folder, store.File), damaged, 0o600))
		b := &board{shown: maps.Clone(shown)}
		e, db, stop := exporter(t, folder, b, &board{shown: maps.Clone(shown)})
		hand(t, e, after, hookAfter)
		eventually(t, want, b, what)
		switch {
		case db.Report().SetAside != "":
			aside++
		case db.BadRecords() > 0:
			skipped++
		default:
			rest++
		}
		stop()
	}
	soak := os.Getenv("IDP_EXPORTER_SOAK") != ""
	random := rand.New(rand.NewPCG(5, 6))
	pages := len(content) / page
	for i := range pages {
		if soak || i%max(pages/10, 1) == 0 {
			try(content[:i*page+random.IntN(page)], fmt.Sprint("cut in page ", i))
		}
	}
	flips := 40
	if soak {
		flips = 2000
	}
	for range flips {
		damaged := append([]byte(nil), content...)
		where := random.IntN(len(damaged))
		damaged[where] ^= byte(1 + random.IntN(255))
		try(damaged, fmt.Sprint("flipped byte ", where))
	}
	t.Logf("%d set aside, %d with damaged records, %d neither", aside, skipped, rest)
	require.Positive(t, aside)
	require.Positive(t, skipped)
}
