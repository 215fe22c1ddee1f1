package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// unit is how many series the time of a scrape is told for.
const unit = 60_000

func scrapeFigures() []figure {
	return []figure{
		{"metrics_scrape_ms_per_60k", "ms", "≤30"},
		{"metrics_scrape_gzip_ms_per_60k", "ms", "≤60"},
		{"metrics_scrape_mb_per_60k", "MB", "≤6"},
		{"metrics_scrape_gzip_mb_per_60k", "MB", "≤0.8"},
		{"metrics_scrape_vs_promhttp", "ratio", "≤0.2"},
	}
}

// metricsScrape times scrapes of the built exporter with many probes, as text,
// until the last byte is here: the client's share is in it. Beside it, for the
// ratio, promhttp shows as many series as gauges.
func metricsScrape(ctx context.Context, o options) ([]float64, error) {
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
	gauges, err := self(ctx, "gauges")
	if err != nil {
		return nil, err
	}
	defer gauges.stop()
	var figures [5][]float64
	for round := range o.rounds + 1 {
		plain, err := fetchMetrics(ctx, "http://"+e.address+"/metrics", e.token, "")
		if err != nil {
			return nil, err
		}
		zipped, err := fetchMetrics(ctx, "http://"+e.address+"/metrics", e.token, "gzip")
		if err != nil {
			return nil, err
		}
		floor, err := fetchMetrics(ctx, gauges.line, "", "")
		if err != nil {
			return nil, err
		}
		if round == 0 { // warms up
			continue
		}
		for i, v := range []float64{plain.ms, zipped.ms, plain.mb, zipped.mb, plain.ms / floor.ms} {
			figures[i] = append(figures[i], v)
		}
	}
	medians := make([]float64, len(figures))
	for i, list := range figures {
		medians[i] = median(list)
	}
	return medians, nil
}

// scraped is one scrape, for unit series.
type scraped struct{ ms, mb float64 }

func fetchMetrics(ctx context.Context, url, token, encoding string) (scraped, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return scraped{}, err
	}
	req.Header.Set("Accept", acceptText)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if encoding != "" {
		req.Header.Set("Accept-Encoding", encoding)
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	body := bytes.NewBuffer(make([]byte, 0, 64<<20)) // so that growing it takes no time
	begin := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return scraped{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := body.ReadFrom(resp.Body); err != nil {
		return scraped{}, err
	}
	took, size := time.Since(begin), body.Len()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != encoding {
		return scraped{}, fmt.Errorf("%s: %s, encoded as %q", url, resp.Status, resp.Header.Get("Content-Encoding"))
	}
	var text io.Reader = body
	if encoding == "gzip" {
		if text, err = gzip.NewReader(body); err != nil {
			return scraped{}, err
		}
	}
	series, err := countSeries(text)
	if err != nil {
		return scraped{}, err
	}
	scale := unit / float64(series)
	return scraped{ms: took.Seconds() * 1e3 * scale, mb: float64(size) / 1e6 * scale}, nil
}

func countSeries(text io.Reader) (int, error) {
	n, lines := 0, bufio.NewScanner(text)
	for lines.Scan() {
		if line := lines.Bytes(); len(line) > 0 && line[0] != '#' {
			n++
		}
	}
	if n == 0 {
		return 0, errors.Join(errors.New("a scrape without series"), lines.Err())
	}
	return n, lines.Err()
}

// serveGauges shows unit gauges through promhttp, labeled as probes are.
func serveGauges(ctx context.Context) error {
	registry := prometheus.NewRegistry()
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "bench_gauge", Help: "A gauge."}, []string{"probe", "kind", "node"})
	registry.MustRegister(vec)
	for i := range unit {
		vec.WithLabelValues(fmt.Sprintf("page%05d", i), "http", "").Set(float64(i))
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return serveUntil(ctx, l, promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
}

// serveUntil serves until the context ends.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
