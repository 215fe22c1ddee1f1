package collector

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// facts shows what runs measured on the way: of each fact the latest
// measurement, so that an alert on it outlives a server that does not answer.
type facts struct {
	certificate, clock, token, keys desc
}

func newFacts() *facts {
	return &facts{
		certificate: gauge("idp_tls_certificate_not_after_timestamp_seconds",
			"When the first certificate of the chain that the server sent ends, as last seen.", "probe", "node"),
		clock: gauge("idp_clock_offset_seconds",
			"The clock of the server minus ours, as last seen.", "probe", "node"),
		token: gauge("idp_token_lifetime_seconds",
			"How long a token is valid, as last issued.", "probe", "node", "token"),
		keys: gauge("idp_jwks_keys",
			"Keys in the key set of the provider, as last fetched.", "probe", "node"),
	}
}

func (f *facts) describe(ch chan<- *prometheus.Desc) {
	describe(ch, f.certificate, f.clock, f.token, f.keys)
}

func (f *facts) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	for i := range entries {
		e := &entries[i]
		if t := e.Facts.CertificateNotAfter; !t.IsZero() {
			f.certificate.send(ch, seconds(t), e.Probe, e.Node)
		}
		if o := e.Facts.ClockOffset; o != nil {
			f.clock.send(ch, o.Seconds(), e.Probe, e.Node)
		}
		for name, d := range e.Facts.TokenLifetimes {
			f.token.send(ch, d.Seconds(), e.Probe, e.Node, strings.ToValidUTF8(name, "?"))
		}
		if n := e.Facts.JWKSKeys; n != nil {
			f.keys.send(ch, float64(*n), e.Probe, e.Node)
		}
	}
}
