package collector

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// testall shows the verdict of the whole and counts who asked for it.
type testall struct {
	pass     prometheus.GaugeFunc
	requests *prometheus.CounterVec
	// codes holds the counters of the codes there are. It is never changed, so
	// that counting takes no lock.
	codes map[int]prometheus.Counter
	rest  prometheus.Counter
}

func newTestall(st *state.State) *testall {
	t := &testall{
		pass: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "idp_testall_pass", Help: "The verdict of the whole: whether /testall answers OK.",
		}, func() float64 { return boolean(st.Verdict().OK) }),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "idp_testall_requests_total", Help: "Answers of /testall by HTTP status code.",
		}, []string{"code"}),
		codes: map[int]prometheus.Counter{},
	}
	for _, c := range []int{
		http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable, 520, // the last for old monitors
	} {
		t.codes[c] = t.requests.WithLabelValues(strconv.Itoa(c))
	}
	t.rest = t.requests.WithLabelValues(other)
	return t
}

// Describe implements prometheus.Collector.
func (t *testall) Describe(ch chan<- *prometheus.Desc) {
	t.pass.Describe(ch)
	t.requests.Describe(ch)
}

// Collect implements prometheus.Collector.
func (t *testall) Collect(ch chan<- prometheus.Metric) {
	t.pass.Collect(ch)
	t.requests.Collect(ch)
}

// CountTestall counts an answer of /testall by its HTTP status code.
func (m *Metrics) CountTestall(code int) {
	if c, ok := m.testall.codes[code]; ok {
		c.Inc()
		return
	}
	m.testall.rest.Inc()
}
