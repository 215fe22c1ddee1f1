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
	// scrapeTimeout bounds one of them: the usual patience of Prometheus.
	scrapeTimeout = 10 * time.Second
)

// Handler serves the metrics in the format that the request asks for:
// Prometheus text, OpenMetrics, or protobuf with native histograms.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: errorLog{m.log},
		// One bad series must not hide all others.
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            m.registry,
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
		CoalesceGather:      true,
		Timeout:             scrapeTimeout,
	})
}

// errorLog hands errors of promhttp to the log.
type errorLog struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (l errorLog) Println(v ...any) { l.log.Error("metrics", "err", fmt.Sprint(v...)) }
