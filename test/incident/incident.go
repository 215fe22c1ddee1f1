// Package incident lives through one bad hour of an imagined site with the
// exporter's own parts: schedule, state, drains and windows, alarms, watchdog
// and collector are the real ones, and what probes find is told by a story.
//
// Alerts are given to it; [Alertmanager] makes of those that fire what the exporter
// would be told.
//
// It is for the pictures of the dashboards. It has to run in a bubble of
// testing/synctest, where an hour takes no time.
//
// From a story as well, since a bubble has neither network nor machine: the
// machine and the process (idp_host_*, process_*, go_*), free space on disk, the
// other exporter of the cluster, discovery, the audit trail's sink, the holders
// of credentials, and the duration of scrapes.
package incident

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	// ScrapeEvery is the interval of scrapes.
	ScrapeEvery = 15 * time.Second

	// instance and job are the labels that Prometheus would have given.
	instance = "exporter-a:9110"
	job      = "idp_exporter"

	before = -40 // the minute of the first scrape, so that an hour can be looked back on in the midst of the incident
	length = 70  // minutes
)

// At returns the time of a minute of the incident. A bubble begins on the first
// day of the year 2000 at midnight, the incident at nine.
func At(minute int) time.Time {
	return time.Date(2000, 1, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

// minutes is the time since the incident began.
func minutes() float64 { return time.Since(At(0)).Minutes() }

// between tells whether the incident is between two of its minutes.
func between(from, to float64) bool { return minutes() >= from && minutes() < to }

// Play lives through the incident and writes what Prometheus would have scraped,
// in the text format of OpenMetrics with times. kinds are the kinds of probes, and
// webhooks what Alertmanager sends meanwhile.
func Play(ctx context.Context, kinds []probes.Kind, webhooks []Webhook, w io.Writer) error {
	time.Sleep(time.Until(At(before)) - time.Minute)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s, err := open(ctx, kinds)
	if err != nil {
		return err
	}
	defer s.alarms.Close()
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{s.scheduler.Run, s.watchdog.Run, s.alarms.Run, s.feed, s.ask} {
		g.Go(func() error { return run(ctx) })
	}
	g.Go(func() error { return s.operate(ctx, webhooks) })
	out := bufio.NewWriter(w)
	g.Go(func() error {
		defer stop()
		for at := At(before); !at.After(At(length)); at = at.Add(ScrapeEvery) {
			if !sleepUntil(ctx, at) {
				return nil
			}
			if err := s.scrape(ctx, out); err != nil {
				return fmt.Errorf("scraping at %s: %w", at.Format(time.TimeOnly), err)
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if _, err := out.WriteString("# EOF\n"); err != nil {
		return err
	}
	return out.Flush()
}

// sleepUntil tells whether the time was reached before ctx ended.
func sleepUntil(ctx context.Context, at time.Time) bool {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// every calls f at an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, f func()) error {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		f()
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
