package main

import (
	"context"
	"net/url"
	"time"
)

// slice is how long one measurement of a pair lasts.
const slice = time.Second

// testallRate compares /testall of the built exporter, behind a token and in
// front of a real probe, with a bare handler that writes two bytes.
func testallRate(ctx context.Context, o options) ([]float64, error) {
	page, err := self(ctx, "page")
	if err != nil {
		return nil, err
	}
	defer page.stop()
	bare, err := url.Parse(page.line)
	if err != nil {
		return nil, err
	}
	e, err := startExporter(ctx, o.binary, page.line, 1)
	if err != nil {
		return nil, err
	}
	defer e.close()
	of := func(host string) measurement {
		return func(ctx context.Context) ([]float64, error) { return load(ctx, host, e.token, slice) }
	}
	return ratio(ctx, o.rounds, of(e.address), of(bare.Host))
}
