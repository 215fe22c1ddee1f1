package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// many is how many probes the disturbed exporter has.
const many = 10_000

const (
	acceptText     = "text/plain; version=0.0.4"
	acceptProtobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// disturbance goes on until done is closed, and ends with what it has begun.
// It calls ready once it is under way.
type disturbance func(ctx context.Context, e *exporter, done <-chan struct{}, ready func()) error

// under compares /testall of an exporter of many probes while it is disturbed
// with the same exporter left alone and, since the disturbance costs processor
// time that the two cores then lack, with the same exporter left alone while
// another one beside it is disturbed in its place.
func under(d disturbance) func(context.Context, options) ([]float64, error) {
	return func(ctx context.Context, o options) ([]float64, error) {
		return onMany(ctx, o, func(e, neighbor *exporter) ([]float64, error) {
			return disturbed(ctx, o, e, neighbor, d)
		})
	}
}

// onMany starts two exporters of many probes for measure.
func onMany(ctx context.Context, o options, measure func(e, neighbor *exporter) ([]float64, error)) ([]float64, error) {
	page, err := self(ctx, "page")
	if err != nil {
		return nil, err
	}
	defer page.stop()
	e, err := startExporter(ctx, o.binary, page.line, many)
	if err != nil {
		return nil, err
	}
	defer e.close()
	neighbor, err := startExporter(ctx, o.binary, page.line, many)
	if err != nil {
		return nil, err
	}
	defer neighbor.close()
	return measure(e, neighbor)
}

// disturbed returns the ratios of rate and p99 to the exporter left alone, then
// to the exporter with a disturbed neighbor. Its slices are long enough to hold
// several scrapes and reloads.
func disturbed(ctx context.Context, o options, e, neighbor *exporter, d disturbance) ([]float64, error) {
	alone := func(ctx context.Context) ([]float64, error) { return load(ctx, e.address, e.token, 3*slice) }
	during := func(whom *exporter) measurement {
		return func(ctx context.Context) ([]float64, error) { return while(ctx, whom, d, alone) }
	}
	return ratio(ctx, o.rounds, during(e), alone, during(neighbor))
}

// while measures while the disturbance is under way.
func while(ctx context.Context, whom *exporter, d disturbance, m measurement) ([]float64, error) {
	done, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() { ended <- d(ctx, whom, done, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		return nil, err
	}
	figures, err := m(ctx)
	close(done)
	return figures, errors.Join(err, <-ended)
}

// scrape reads /metrics every second, or as often as it can where one takes
// longer, as text and as protobuf in turn.
func scrape(ctx context.Context, e *exporter, done <-chan struct{}, ready func()) error {
	accept, next := acceptProtobuf, acceptText
	return everySecond(ctx, done, ready, func() error {
		accept, next = next, accept
		return e.do(ctx, http.MethodGet, "/metrics", accept, func(r *http.Response) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		})
	})
}

// reload has the configuration read again every second.
func reload(ctx context.Context, e *exporter, done <-chan struct{}, ready func()) error {
	return everySecond(ctx, done, ready, func() error {
		return e.do(ctx, http.MethodPost, "/-/reload", "", func(*http.Response) error { return nil })
	})
}

func everySecond(ctx context.Context, done <-chan struct{}, ready func(), f func() error) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	ready()
	for {
		if err := f(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return nil
		case <-tick.C:
		}
	}
}
