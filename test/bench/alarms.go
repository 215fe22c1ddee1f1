package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/store"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	// storm is how many alarms begin at once in one measurement.
	storm = 5000
	// stormMost is how long they may take.
	stormMost = time.Minute
)

// alarmBenches measure what alarms cost, each on disk before it is sent.
func alarmBenches() []bench {
	return []bench{
		{alarmFigures("v2c", "", "≤0.2"), alarmsTo(verdicts, snmp.Destination{})},
		{alarmFigures("v2c_eight", "_eight", "≤0.8"), alarmsTo(verdicts, make([]snmp.Destination, 8)...)},
		{alarmFigures("v2c_webhook", "_webhook", "≤0.4"), alarmsTo(webhooks, snmp.Destination{})},
		{alarmFigures("inform", "_inform", "≤0.4"), alarmsTo(verdicts, snmp.Destination{Inform: true})},
		{[]figure{{"alarms_lost", "count", "0"}}, alarmsLost},
	}
}

func alarmFigures(rate, cpu, aim string) []figure {
	return []figure{{"alarm_rate_" + rate + "_vs_bare", "ratio", "≥0.5"}, {"alarm_cpu_ms" + cpu, "ms", aim}}
}

// source has as many alarms begin as a storm has.
type source func(context.Context, *alarm.Engine) error

// verdicts are of probes that all fail at once.
func verdicts(_ context.Context, e *alarm.Engine) error {
	inputs := make([]alarm.VerdictInput, storm)
	for i := range inputs {
		inputs[i] = alarm.VerdictInput{
			Probe: fmt.Sprintf("login-%05d", i), Severity: probes.Major, Known: true, Failing: true, Step: "token", Reason: "timeout",
			Text: "login failed at step token: timeout", Target: "keycloak", Runbook: "https://runbooks.example.com/login",
		}
	}
	e.Verdicts(inputs)
	return nil
}

// webhooks come from a few groups of Alertmanager side by side, each webhook of a
// group when the one before is on disk.
func webhooks(ctx context.Context, e *alarm.Engine) error {
	const groups, each = 4, 50
	var all sync.WaitGroup
	errs := make([]error, groups)
	for g := range groups {
		all.Go(func() {
			for from := g * each; from < storm && errs[g] == nil; from += groups * each {
				_, errs[g] = e.Handle(ctx, strings.NewReader(webhook(from, from+each)))
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func webhook(from, to int) string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf(`{"status":"firing","labels":{"alertname":"LoginFails","severity":"major","instance":"login-%05d","job":"idp"},`+
			`"annotations":{"summary":"login failed at step token: timeout","runbook_url":"https://runbooks.example.com/login"},"startsAt":"2026-09-01T10:00:00Z"}`, i))
	}
	return `{"version":"4","groupKey":"g","receiver":"bench","status":"firing","alerts":[` + strings.Join(list, ",") + `]}`
}

// alarmsTo returns the alarms told a second over the notifications that a bare
// loop of gosnmp sends, the same ones to as many destinations, and the
// processor time of one alarm in milliseconds.
func alarmsTo(from source, destinations ...snmp.Destination) func(context.Context, options) ([]float64, error) {
	return func(ctx context.Context, o options) ([]float64, error) {
		console, err := startConsole(ctx)
		if err != nil {
			return nil, err
		}
		defer console.stop()
		bridge := &snmp.Options{}
		for i, d := range destinations {
			d.Name, d.Address = strconv.Itoa(i), console.line
			bridge.Destinations = append(bridge.Destinations, d)
		}
		first, err := tell(ctx, bridge, from) // warms up, and shows what is to be sent
		if err != nil {
			return nil, err
		}
		floor, err := newBareLoops(bridge.Destinations, first.events)
		if err != nil {
			return nil, err
		}
		defer floor.close()
		var costs []float64
		ratios, err := ratio(ctx, o.rounds, func(ctx context.Context) ([]float64, error) {
			t, err := tell(ctx, bridge, from)
			costs = append(costs, t.cpu.Seconds()*1000/storm)
			return []float64{storm / t.lasted.Seconds()}, err
		}, floor.run)
		if err != nil {
			return nil, err
		}
		return append(ratios, median(costs)), nil
	}
}

// told is what it took to tell alarms.
type told struct {
	// lasted is the time until the last destination had the last of them, cpu
	// the processor time until all that is kept of that was on disk.
	lasted, cpu time.Duration
	events      []bridges.Event // that the first destination was told
}

// tell has alarms begin in an engine with a store of its own, and waits until
// all destinations of a bridge have been told of them.
func tell(ctx context.Context, bridge *snmp.Options, from source) (t told, err error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return t, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	db, err := store.Open(ctx, folder, nil)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	e := alarm.New(ctx, alarm.Options{Store: db, Exporter: "bench"})
	c := alarm.NewConfig()
	c.Heartbeat = 0
	b := alarm.Bridge{Common: c.NewCommon()}
	b.Name, b.Kind = "bench", "snmp"
	count := newCount(storm * len(bridge.Destinations))
	b.New = func() ([]bridges.Destination, error) {
		all, err := bridge.New(bridges.Setting{Name: b.Name, Storage: folder})
		for i := range all {
			all[i].Deliverer = &counted{Deliverer: all[i].Deliverer, count: count, keep: i == 0}
		}
		return all, err
	}
	if err := e.Configure(c, []alarm.Bridge{b}); err != nil {
		e.Close()
		return t, err
	}
	inner, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(inner) }) // always nil
	end := func() {
		cancel()
		running.Wait()
	}
	defer end()
	if report, err := e.Test(ctx, b.Name); err != nil || !report.OK() { // sockets are open
		return t, fmt.Errorf("the console does not answer: %w: %+v", err, report)
	}
	used, begin := cpu(), time.Now()
	if err := from(ctx, e); err != nil {
		return t, err
	}
	select {
	case <-count.done:
	case <-ctx.Done():
		return t, ctx.Err()
	case <-time.After(stormMost):
		return t, fmt.Errorf("only %d of %d notifications were sent within %s", count.n.Load(), count.want, stormMost)
	}
	t.lasted = time.Since(begin)
	end()
	t.cpu, t.events = cpu()-used, count.events
	return t, nil
}

// count counts raises until there are as many as wanted.
type count struct {
	n      atomic.Int64
	want   int64
	done   chan struct{}
	events []bridges.Event // written by one goroutine, and read after done
}

func newCount(want int) *count { return &count{want: int64(want), done: make(chan struct{})} }

type counted struct {
	bridges.Deliverer
	count *count
	keep  bool
}

// Deliver implements bridges.Deliverer.
func (c *counted) Deliver(ctx context.Context, ev bridges.Event) error {
	err := c.Deliverer.Deliver(ctx, ev)
	if err != nil || ev.Test {
		return err
	}
	if c.keep {
		c.count.events = append(c.count.events, ev)
	}
	if c.count.n.Add(1) == c.count.want {
		close(c.count.done)
	}
	return nil
}
