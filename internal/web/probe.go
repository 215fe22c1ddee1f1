package web

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// probe runs one configured probe now. The request selects it by name and
// brings neither target nor credentials of its own, so the route is no proxy.
func (s *Server) probe(w http.ResponseWriter, r *http.Request, _ access.Grant) {
	query := r.URL.Query()
	if query.Get("probe") == "" {
		refuse(w, http.StatusBadRequest, "name a configured probe: /probe?probe=NAME, and &node=NODE for one of its nodes")
		return
	}
	key := state.Key{Probe: query.Get("probe"), Node: meant(query.Get("node"))}
	entry, ok := s.options.State.Entry(key)
	if !ok {
		refuse(w, http.StatusNotFound, "no such probe on such a node; /api/v1/probes lists them")
		return
	}
	// A run may take longer than a request may be read or an answer be written:
	// its time is bounded by the probe's own timeout. (A read deadline that
	// passes meanwhile would count as the client having left.)
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(time.Time{}), control.SetWriteDeadline(time.Time{})
	result, err := s.options.Runner.RunNow(r.Context(), key)
	_ = control.SetWriteDeadline(time.Now().Add(s.times.write))
	switch {
	case err != nil:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "the probe did not run: "+s.options.Redact(err.Error()))
	case asksFor(r, typeJSON):
		writeJSON(w, http.StatusOK, typeJSON, struct {
			Probe  string        `json:"probe"`
			Node   string        `json:"node"`
			Kind   string        `json:"kind"`
			Result probes.Result `json:"result"`
		}{key.Probe, key.Node, entry.Kind, result})
	default:
		setPolicy(w.Header(), noPolicy)
		promhttp.HandlerFor(runMetrics(entry.Spec, result), promhttp.HandlerOpts{}).ServeHTTP(w, r)
	}
}

// probeOf names the probe that a request wants to run, if there is such a one.
func (s *Server) probeOf(r *http.Request) string {
	query := r.URL.Query()
	key := state.Key{Probe: query.Get("probe"), Node: meant(query.Get("node"))}
	if _, ok := s.options.State.Entry(key); !ok {
		return ""
	}
	return key.String()
}

// runMetrics shows one run. Names that /metrics has too mean the same there.
func runMetrics(spec state.Spec, r probes.Result) *prometheus.Registry {
	m := gauges{prometheus.NewRegistry(), prometheus.Labels{"probe": spec.Probe, "node": spec.Node}}
	if r.Outcome.Conclusive() {
		m.set("idp_probe_success", "Whether the run passed or warned (1) or failed (0); absent where it was inconclusive.",
			truth(r.Outcome.OK()), "kind", spec.Kind)
	}
	for _, o := range probes.Outcomes() {
		m.set("idp_probe_run_result", "1 for the result of this run.", truth(o == r.Outcome), "kind", spec.Kind, "result", o.String())
	}
	if r.Skipped != "" {
		m.set("idp_probe_run_skipped", "1 where the run did not take place, by cause.", 1, "cause", string(r.Skipped))
		return m.Registry
	}
	m.set("idp_probe_run_duration_seconds", "How long this run took.", r.Duration.Seconds(), "kind", spec.Kind)
	m.set("idp_probe_last_run_timestamp_seconds", "When this run started.", unix(r.Start))
	for _, step := range r.Steps {
		m.set("idp_probe_step_duration_seconds", "How long each step of the run took.", step.Duration.Seconds(), "step", step.Name)
	}
	if !r.Outcome.OK() {
		m.set("idp_probe_failure_info", "1 for the step and reason that the run did not pass for.", 1,
			"step", r.FailedStep, "reason", string(r.Reason))
	}
	for _, a := range r.Assertions {
		m.set("idp_probe_assertion_pass", "Whether each named expectation held.", truth(a.Pass), "assertion", a.Name)
	}
	m.facts(r.Facts)
	return m.Registry
}

// gauges fills a registry with gauges that share some labels.
type gauges struct {
	*prometheus.Registry
	common prometheus.Labels
}

func (g gauges) facts(f probes.Facts) {
	if !f.CertificateNotAfter.IsZero() {
		g.set("idp_tls_certificate_not_after_timestamp_seconds", "When the first certificate of the chain expires.", unix(f.CertificateNotAfter))
	}
	if f.ClockOffset != nil {
		g.set("idp_clock_offset_seconds", "The server's clock minus ours.", f.ClockOffset.Seconds())
	}
	for token, lifetime := range f.TokenLifetimes {
		g.set("idp_token_lifetime_seconds", "How long each token is valid.", lifetime.Seconds(), "token", token)
	}
	if f.JWKSKeys != nil {
		g.set("idp_jwks_keys", "The number of keys in the provider's key set.", float64(*f.JWKSKeys))
	}
}

// set sets a gauge; labels are names and values in turn.
func (g gauges) set(name, help string, value float64, labels ...string) {
	all := prometheus.Labels{}
	for k, v := range g.common {
		all[k] = v
	}
	for i := 0; i+1 < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: all})
	gauge.Set(value)
	// Only a step or assertion that stands twice could be refused; the first counts.
	_ = g.Register(gauge)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
