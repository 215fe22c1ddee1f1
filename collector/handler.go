package collector

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// maxScrapes bounds the scrapes that are answered at a time; those that come
	// together share one collection.
	maxScrapes = 40
	// scrapeTimeout bounds how long one of them may take to be written: the usual
	// patience of Prometheus.
	scrapeTimeout = 10 * time.Second
)

// newErrors counts scrapes that lack something, under the name and with the
// causes of promhttp.
func newErrors() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "promhttp_metric_handler_errors_total",
		Help: "Total number of internal errors encountered by the promhttp metric handler.",
	}, []string{"cause"})
	c.WithLabelValues("gathering")
	c.WithLabelValues("encoding")
	return c
}

// handler answers scrapes as promhttp does, for a fraction of the cost.
type handler struct {
	metrics *Metrics
	moments *shared
	room    chan struct{}
	buffers sync.Pool // of *[]byte
	zippers sync.Pool // of *gzip.Writer
}

// Handler serves the metrics in the format that the request asks for:
// Prometheus text, OpenMetrics, or protobuf with native histograms. The
// parameter name[], which may come several times, picks metrics by name.
func (m *Metrics) Handler() http.Handler {
	h := &handler{metrics: m, moments: &shared{take: m.take}, room: make(chan struct{}, maxScrapes)}
	h.buffers.New = func() any { return new([]byte) }
	h.zippers.New = func() any {
		// The default level takes five times as long as all else, for a seventh less
		// to send.
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		return w
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	default:
		http.Error(w, fmt.Sprintf("Limit of concurrent requests reached (%d), try again later.", maxScrapes), http.StatusServiceUnavailable)
		return
	}
	answer := http.NewResponseController(w)
	_ = answer.SetWriteDeadline(time.Now().Add(scrapeTimeout)) // a test's recorder has none
	h.scrape(w, r)
	_ = answer.SetWriteDeadline(time.Time{})
}

func (h *handler) scrape(w http.ResponseWriter, r *http.Request) {
	now, release := h.moments.get()
	defer release()
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	w.Header()["Vary"] = append(w.Header()["Vary"], "Accept", "Accept-Encoding")
	w.Header().Set("Content-Type", string(format))
	var out io.Writer = w
	var zipper *gzip.Writer
	if acceptsGzip(r.Header) {
		w.Header().Set("Content-Encoding", "gzip")
		zipper = h.zippers.Get().(*gzip.Writer)
		defer h.zippers.Put(zipper)
		zipper.Reset(w)
		out = zipper
	}
	missing, sent := h.write(out, format, now, wanted(r))
	if zipper != nil {
		sent = errors.Join(sent, zipper.Close())
	}
	h.count("gathering", missing)
	h.count("encoding", sent)
}

// writer takes metrics in the order of their names, and sends them in a format.
// Its errors are those of sending; whatever else goes wrong are its faults.
type writer interface {
	other(*dto.MetricFamily) error
	own(*family) error
	finish() error
	found() []error
}

// write writes a moment in a format. It returns what had to be left out, and
// what became of the writing.
func (h *handler) write(w io.Writer, format expfmt.Format, now *moment, want func(string) bool) (missing, sent error) {
	var out writer
	plain := format.FormatType() == expfmt.TypeTextPlain || format.FormatType() == expfmt.TypeOpenMetrics
	// Escaping with dots changes even plain names; nobody but expfmt does that.
	if plain && format.ToEscapingScheme() != model.DotsEscaping {
		buf := h.buffers.Get().(*[]byte)
		t := newText(now, w, format, *buf)
		defer func() {
			*buf = t.buf[:0]
			h.buffers.Put(buf)
		}()
		out = t
	} else {
		out = &encoded{expfmt.NewEncoder(w, format), newMessages(now)}
	}
	sent = h.metrics.walk(now, want, out.other, out.own)
	if sent == nil {
		sent = out.finish()
	}
	return errors.Join(append(out.found(), now.err)...), sent
}

// count logs and counts what went wrong with a scrape.
func (h *handler) count(cause string, err error) {
	if err == nil {
		return
	}
	h.metrics.log.Error("metrics", "cause", cause, "err", err)
	h.metrics.errors.WithLabelValues(cause).Inc()
}

// wanted tells of a metric's name whether the request asks for it.
func wanted(r *http.Request) func(string) bool {
	list := r.URL.Query()["name[]"]
	names := make(map[string]bool, len(list))
	for _, name := range list {
		names[name] = true
	}
	return func(name string) bool { return len(names) == 0 || names[name] }
}

// acceptsGzip tells whether a request prefers gzip to no compression (RFC 9110,
// section 12.5.3).
func acceptsGzip(header http.Header) bool {
	compressed, identity := 0.0, 0.0
	for _, line := range header["Accept-Encoding"] {
		for item := range strings.SplitSeq(line, ",") {
			name, params, err := mime.ParseMediaType(item)
			if err != nil {
				continue
			}
			weight := 1.0
			if q, ok := params["q"]; ok {
				if weight, err = strconv.ParseFloat(q, 64); err != nil {
					continue
				}
			}
			if name == "gzip" || name == "*" {
				compressed = max(compressed, weight)
			}
			if name == "identity" || name == "*" {
				identity = max(identity, weight)
			}
		}
	}
	return compressed > identity
}
