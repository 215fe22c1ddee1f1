package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// interval is how often each probe runs, and how often the metrics are scraped.
const interval = 10 * time.Second

func scheduleFigures() []figure {
	return []figure{
		{"schedule_lag_p99_ms", "ms", "≤15"},
		{"schedule_cpu_ms_per_1000", "ms", "≤500"},
		{"schedule_rss_mb", "MB", "≤200"},
		{"schedule_runs_share", "ratio", "≥0.99"},
	}
}

// schedule has the built exporter run many probes of mixed kinds, with the
// metrics scraped as often, and tells how late runs began, what processor time
// 1,000 of them took, the scrapes included, the most memory it had at the end
// of a round, and what share of the due runs took place.
func schedule(ctx context.Context, o options) ([]float64, error) {
	targets, err := self(ctx, "targets")
	if err != nil {
		return nil, err
	}
	defer targets.stop()
	config, err := mixed(targets.line, many, interval.String())
	if err != nil {
		return nil, err
	}
	e, err := startWith(ctx, o.binary, config)
	if err != nil {
		return nil, err
	}
	defer e.close()
	var lag, cost, share []float64
	memory := 0.0
	before, err := e.usage(ctx)
	for range o.rounds {
		if err == nil {
			err = wait(ctx, interval)
		}
		if err == nil {
			err = e.do(ctx, http.MethodGet, "/metrics", acceptText, discardBody)
		}
		if err != nil {
			return nil, err
		}
		var now usage
		if now, err = e.usage(ctx); err != nil {
			return nil, err
		}
		runs := now.runs - before.runs
		lag = append(lag, 1e3*quantile(0.99, before.lag, now.lag))
		cost = append(cost, 1e3*(now.cpu-before.cpu)/runs*1e3)
		share = append(share, runs/many*interval.Seconds()/now.at.Sub(before.at).Seconds())
		memory = max(memory, now.rss/1e6)
		before = now
	}
	return []float64{median(lag), median(cost), memory, median(share)}, nil
}

func discardBody(r *http.Response) error {
	_, err := io.Copy(io.Discard, r.Body)
	return err
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// usage is what an exporter tells of itself.
type usage struct {
	at             time.Time
	cpu, rss, runs float64
	lag            map[int]float64 // observations by the number of the native bucket
}

func (e *exporter) usage(ctx context.Context) (usage, error) {
	const lag = "idp_exporter_schedule_lag_seconds"
	u := usage{at: time.Now()}
	query := url.Values{"name[]": {lag, "process_cpu_seconds_total", "process_resident_memory_bytes"}}
	err := e.do(ctx, http.MethodGet, "/metrics?"+query.Encode(), acceptProtobuf, func(r *http.Response) error {
		decoder := expfmt.NewDecoder(r.Body, expfmt.ResponseFormat(r.Header))
		for {
			var f dto.MetricFamily
			if err := decoder.Decode(&f); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return err
			}
			metric := f.GetMetric()[0]
			switch f.GetName() {
			case "process_cpu_seconds_total":
				u.cpu = metric.GetCounter().GetValue()
			case "process_resident_memory_bytes":
				u.rss = metric.GetGauge().GetValue()
			case lag:
				u.runs, u.lag = float64(metric.GetHistogram().GetSampleCount()), buckets(metric.GetHistogram())
			}
		}
		if u.cpu == 0 || u.rss == 0 || u.runs == 0 {
			return fmt.Errorf("the exporter tells nothing of itself: %+v", u)
		}
		return nil
	})
	return u, err
}

// perOctave is how many native buckets there are from one power of two to the
// next: schema 3, which the exporter's factor of 1.1 comes to.
const perOctave = 8

// buckets returns the observations in the native buckets of a histogram, that of
// zero as the lowest.
func buckets(h *dto.Histogram) map[int]float64 {
	all := map[int]float64{math.MinInt: float64(h.GetZeroCount())}
	index, count, deltas := 0, int64(0), h.GetPositiveDelta()
	for _, span := range h.GetPositiveSpan() {
		index += int(span.GetOffset())
		for range span.GetLength() {
			count += deltas[0]
			deltas = deltas[1:]
			all[index] = float64(count)
			index++
		}
	}
	return all
}

// quantile returns the upper bound of the bucket that holds the quantile of the
// observations between two readings, at most a tenth above it.
func quantile(q float64, before, now map[int]float64) float64 {
	total := 0.0
	for i, n := range now {
		total += n - before[i]
	}
	sum := 0.0
	for _, i := range slices.Sorted(maps.Keys(now)) {
		if sum += now[i] - before[i]; sum >= q*total {
			return math.Exp2(float64(i) / perOctave)
		}
	}
	return math.Inf(1)
}
