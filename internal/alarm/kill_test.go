package alarm_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/store"
	"github.com/idp-exporter/idp_exporter/probes"
)

// childSetup makes a run of TestChild the child that is killed: it holds a setup.
const childSetup = "IDP_EXPORTER_TEST_ALARM"

// setup is what a child is told.
type setup struct {
	Folder string
	// Consoles are the addresses of the consoles: latest, all, unacknowledged,
	// and one that refuses some alarms.
	Consoles map[string]string
}

// command is a line that the child reads.
type command struct {
	N        int
	Hook     string
	Verdicts []alarm.VerdictInput
}

// wire is a Deliverer that speaks lines over TCP.
type wire struct {
	address      string
	acknowledged bool
	conn         net.Conn
	answers      *bufio.Reader
}

func (w *wire) Deliver(ctx context.Context, ev bridges.Event) error {
	err := w.deliver(ctx, ev)
	if err != nil && !bridges.IsPermanent(err) {
		_ = w.Close()
	}
	return err
}

func (w *wire) deliver(ctx context.Context, ev bridges.Event) error {
	if w.conn == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", w.address)
		if err != nil {
			return err
		}
		w.conn, w.answers = conn, bufio.NewReader(conn)
	}
	deadline, _ := ctx.Deadline()
	_ = w.conn.SetDeadline(deadline)
	line, err := json.Marshal(ev)
	if err != nil {
		return err
	}
	if _, err := w.conn.Write(append(line, '\n')); err != nil {
		return err
	}
	if !w.acknowledged {
		return nil
	}
	answer, err := w.answers.ReadString('\n')
	switch {
	case err != nil:
		return err
	case answer == "ok\n":
		return nil
	case answer == "never\n":
		return bridges.Permanent(errors.New("refused for good"))
	}
	return errors.New("refused: " + strings.TrimSpace(answer))
}

func (w *wire) Close() error {
	if w.conn == nil {
		return nil
	}
	err := w.conn.Close()
	w.conn = nil
	return err
}

// TestChild is an exporter as far as alarms go, until it is killed.
func TestChild(t *testing.T) {
	var s setup
	if text := os.Getenv(childSetup); text == "" {
		return // only run by TestKilledItLosesNothing
	} else if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), s.Folder, nil)
	require.NoError(t, err)
	e := alarm.New(t.Context(), alarm.Options{Store: db, Resync: db.Report().SetAside != ""})
	c := alarm.NewConfig()
	c.Resend, c.Heartbeat, c.MaxTransitions = time.Second, 2*time.Second, 1_000_000 // none is left out
	var all []alarm.Bridge
	for name, address := range s.Consoles {
		b := alarm.Bridge{Common: c.NewCommon(), New: func() ([]bridges.Destination, error) {
			acknowledged := name != "trap"
			return []bridges.Destination{{Name: "one", Acknowledged: acknowledged, Deliverer: &wire{address: address, acknowledged: acknowledged}}}, nil
		}}
		b.Name = name
		if name == "all" {
			b.Transitions = alarm.All
		}
		all = append(all, b)
	}
	require.NoError(t, e.Configure(c, all))
	go func() { _ = e.Run(t.Context()) }()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var do command
		if err := json.Unmarshal(in.Bytes(), &do); err != nil {
			fmt.Printf("\nerror %v\n", err)
			return
		}
		if do.Hook == "" {
			e.Verdicts(do.Verdicts)
		} else if _, err := e.Handle(t.Context(), strings.NewReader(do.Hook)); err != nil {
			fmt.Printf("\nerror %v\n", err)
			return
		}
		fmt.Printf("\nack %d\n", do.N)
	}
}

// The moods of a console.
const (
	fine    = iota
	gone    // closes every connection
	slow    // takes its time
	refuses // answers no
	swallow // takes the event and closes before it answers
	moods
)

// screen is a console: what it was told, in order, and what it shows.
type screen struct {
	listener net.Listener
	mood     atomic.Int32
	never    func(bridges.Event) bool

	mu     sync.Mutex
	shown  map[string]string   // severity by ID
	heard  map[string][]string // by ID, each sequence once
	latest map[string]uint64
	early  int // sequences that came for the first time after a later one
	all    int
}

func newScreen(t *testing.T) *screen {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &screen{listener: l, shown: map[string]string{}, heard: map[string][]string{}, latest: map[string]uint64{}}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wait.Wait()
	})
	return s
}

func (s *screen) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		mood := s.mood.Load()
		if mood == gone {
			return
		}
		if mood == slow {
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
		}
		if mood == refuses {
			_, _ = conn.Write([]byte("no\n"))
			continue
		}
		var ev bridges.Event
		if json.Unmarshal(lines.Bytes(), &ev) != nil {
			return // cut by a kill
		}
		if s.never != nil && s.never(ev) {
			_, _ = conn.Write([]byte("never\n"))
			continue
		}
		s.hear(ev)
		if mood == swallow {
			return
		}
		_, _ = conn.Write([]byte("ok\n"))
	}
}

func (s *screen) hear(ev bridges.Event) {
	if ev.Kind == bridges.Heartbeat {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all++
	id := ev.Alarm.ID
	what := string(ev.Kind)
	if ev.Kind == bridges.Raise {
		s.shown[id] = string(ev.Alarm.Severity)
		what += " " + ev.Alarm.Text
	} else {
		delete(s.shown, id)
	}
	switch latest := s.latest[id]; {
	case ev.Sequence > latest:
		s.latest[id] = ev.Sequence
		s.heard[id] = append(s.heard[id], what)
	case ev.Sequence < latest:
		s.early++
	}
}

func (s *screen) shows() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.shown)
}

// truth is what the world is like.
type truth struct {
	alerts, verdicts int
	severity         map[int]string // of the alerts that fire, by number
	failing          map[int]bool   // of the probes
	history          map[string][]string
	clock            int
}

func alertLabels(i int, severity string) map[string]string {
	return map[string]string{"alertname": "A", "n": fmt.Sprint(i), "severity": severity}
}

func alertID(i int) string { return alarm.AlertID(alertLabels(i, ""), "severity", nil) }

func (w *truth) instant() string {
	w.clock++
	return time.Date(2026, 9, 1, 0, 0, w.clock, 0, time.UTC).Format(time.RFC3339)
}

// change lets some alerts begin, end or change, and returns the webhook.
func (w *truth) change() string {
	var alerts []map[string]any
	add := func(i int, status, severity, text, starts, ends string) {
		alerts = append(alerts, map[string]any{
			"status": status, "labels": alertLabels(i, severity), "annotations": map[string]string{"summary": text}, "startsAt": starts, "endsAt": ends,
		})
	}
	touched := map[int]bool{}
	for range 20 {
		i := rand.IntN(w.alerts)
		if touched[i] {
			continue
		}
		touched[i] = true
		now, old := w.instant(), w.severity[i]
		next := []string{"critical", "major", "minor", "warning"}[rand.IntN(4)]
		switch {
		case old != "" && (rand.IntN(2) == 0 || next == old):
			add(i, "resolved", old, "over", now, w.instant())
			delete(w.severity, i)
			w.history[alertID(i)] = append(w.history[alertID(i)], "clear")
		default:
			text := fmt.Sprintf("at %d", w.clock)
			add(i, "firing", next, text, now, "")
			if old != "" {
				add(i, "resolved", old, "over", now, w.instant())
			}
			w.severity[i] = next
			w.history[alertID(i)] = append(w.history[alertID(i)], "raise "+text)
		}
	}
	body, _ := json.Marshal(map[string]any{"version": "4", "groupKey": "g", "alerts": alerts})
	return string(body)
}

func (w *truth) inputs() []alarm.VerdictInput {
	all := make([]alarm.VerdictInput, w.verdicts)
	for i := range all {
		all[i] = alarm.VerdictInput{Probe: fmt.Sprint("p", i), Severity: probes.Major, Known: true, Failing: w.failing[i]}
	}
	return all
}

// shown is what consoles are to show.
func (w *truth) shown() map[string]string {
	all := map[string]string{}
	for i, s := range w.severity {
		all[alertID(i)] = s
	}
	for i := range w.failing {
		all[alarm.ProbeID("", fmt.Sprint("p", i), "")] = string(probes.Major)
	}
	return all
}

// child is an exporter that can be killed.
type child struct {
	cmd   *exec.Cmd
	in    *json.Encoder
	lines *bufio.Scanner
}

func begin(t *testing.T, s setup) *child {
	t.Helper()
	text, err := json.Marshal(s)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChild$", "-test.timeout=1h")
	cmd.Env = append(os.Environ(), childSetup+"="+string(text))
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &child{cmd, json.NewEncoder(in), bufio.NewScanner(out)}
}

// do returns whether the child acknowledged the command before it was killed.
func (c *child) do(t *testing.T, do command) bool {
	t.Helper()
	if c.in.Encode(do) != nil {
		return false
	}
	for c.lines.Scan() {
		require.False(t, strings.HasPrefix(c.lines.Text(), "error"), c.lines.Text())
		require.NotContains(t, c.lines.Text(), "panic")
		if c.lines.Text() == fmt.Sprint("ack ", do.N) {
			return true
		}
	}
	return false
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// Alarms begin, end and change at random while consoles are stopped, slow,
// refuse, and take without answering, and the exporter is killed. At the end
// every console shows the truth, and the one that is told all transitions has
// heard each that was acknowledged, in order.
func TestKilledItLosesNothing(t *testing.T) {
	t.Parallel()
	alarms, kills := 1000, 10
	if os.Getenv("IDP_EXPORTER_SOAK") != "" {
		alarms, kills = 10_000, 100
	}
	screens := map[string]*screen{"latest": newScreen(t), "all": newScreen(t), "trap": newScreen(t), "choosy": newScreen(t)}
	never := alertID(0)
	screens["choosy"].never = func(ev bridges.Event) bool { return ev.Alarm.ID == never }
	s := setup{Folder: t.TempDir(), Consoles: map[string]string{}}
	for name, c := range screens {
		s.Consoles[name] = c.listener.Addr().String()
	}
	w := &truth{alerts: alarms / 10, verdicts: 20, severity: map[int]string{}, failing: map[int]bool{}, history: map[string][]string{}}

	n, waiting, transitions := 0, "", 0
	for range kills {
		c := begin(t, s)
		// It is killed at a random moment after as many transitions.
		var timer *time.Timer
		count, enough := 0, rand.IntN(2*alarms/kills+1)
		for alive := true; alive; {
			for _, console := range screens {
				if rand.IntN(4) == 0 {
					console.mood.Store(int32(rand.IntN(moods)))
				}
			}
			for range 3 {
				p := rand.IntN(w.verdicts)
				if w.failing[p] {
					delete(w.failing, p)
				} else {
					w.failing[p] = true
				}
			}
			n++
			if alive = c.do(t, command{N: n, Verdicts: w.inputs()}); !alive {
				break
			}
			// What was not acknowledged is sent again, as Alertmanager does.
			if waiting == "" {
				waiting = w.change()
				transitions, count = transitions+20, count+20
			}
			if timer == nil && count >= enough {
				timer = time.AfterFunc(time.Duration(rand.IntN(300))*time.Millisecond, func() { _ = c.cmd.Process.Kill() })
			}
			n++
			if alive = c.do(t, command{N: n, Hook: waiting}); alive {
				waiting = ""
			}
		}
		if timer != nil {
			timer.Stop()
		}
		c.kill()
	}

	for _, console := range screens {
		console.mood.Store(fine)
	}
	c := begin(t, s)
	defer c.kill()
	if waiting != "" {
		n++
		require.True(t, c.do(t, command{N: n, Hook: waiting}))
	}
	n++
	require.True(t, c.do(t, command{N: n, Verdicts: w.inputs()}))
	for name, console := range screens {
		want := w.shown()
		if name == "choosy" {
			delete(want, never)
		}
		require.Eventually(t, func() bool { return maps.Equal(want, console.shows()) }, 2*time.Minute, 50*time.Millisecond, "%s", name)
		console.mu.Lock()
		t.Logf("%s: told %d times of %d transitions of alerts; %d repeated out of date", name, console.all, transitions, console.early)
		console.mu.Unlock()
	}
	all := screens["all"]
	all.mu.Lock()
	defer all.mu.Unlock()
	for id, want := range w.history {
		requireInOrder(t, id, want, all.heard[id])
	}
}

// requireInOrder makes sure that everything wanted was heard, in that order.
func requireInOrder(t *testing.T, id string, want, heard []string) {
	t.Helper()
	i := 0
	for _, h := range heard {
		if i < len(want) && h == want[i] {
			i++
		}
	}
	require.Equal(t, len(want), i, "%s: want %v, heard %v", id, want, heard)
}
