package collector

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// maxScrapes bounds the scrapes that are answered at a time; they share one
	// collection.
	maxScrapes = 40
	// scrapeTimeout bounds how long one of them may take to be written: the usual
	// patience of Prometheus.
	scrapeTimeout = 10 * time.Second
)

// Handler serves the metrics in the format that the request asks for:
// Prometheus text, OpenMetrics, or protobuf with native histograms.
func (m *Metrics) Handler() http.Handler {
	scrape := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: errorLog{m.log},
		// One bad series must not hide all others.
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            m.registry,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
		CoalesceGather:      true,
	})
	// A deadline for the writing, and not promhttp's own timeout, which would keep
	// the whole answer in memory once more.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := http.NewResponseController(w)
		_ = answer.SetWriteDeadline(time.Now().Add(scrapeTimeout)) // a test's recorder has none
		scrape.ServeHTTP(w, r)
		_ = answer.SetWriteDeadline(time.Time{})
	})
}

// errorLog hands errors of promhttp to the log.
type errorLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l errorLog) Println(v ...any) { l.log.Error("metrics", "err", fmt.Sprint(v...)) }
