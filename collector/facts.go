package collector

import (
	"maps"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// facts shows what runs measured on the way: of each fact the latest
// measurement, so that an alert on it outlives a server that does not answer.
type facts struct{}

func (facts) families() []family {
	return []family{
		family{
			name: "idp_tls_certificate_not_after_timestamp_seconds", labels: nodeLabels,
			help: "When the first certificate of the chain that the server sent ends, as last seen.",
		}.each(func(e *state.Entry) (float64, bool) {
			return seconds(e.Facts.CertificateNotAfter), !e.Facts.CertificateNotAfter.IsZero()
		}),
		family{
			name: "idp_clock_offset_seconds", labels: nodeLabels,
			help: "The clock of the server minus ours, as last seen.",
		}.each(func(e *state.Entry) (float64, bool) {
			if e.Facts.ClockOffset == nil {
				return 0, false
			}
			return e.Facts.ClockOffset.Seconds(), true
		}),
		{
			name: "idp_token_lifetime_seconds", labels: nodeLabels, after: []string{"token"},
			help: "How long a token is valid, as last issued.",
			show: showTokens,
		},
		family{
			name: "idp_jwks_keys", labels: nodeLabels,
			help: "Keys in the key set of the provider, as last fetched.",
		}.each(func(e *state.Entry) (float64, bool) {
			if e.Facts.JWKSKeys == nil {
				return 0, false
			}
			return float64(*e.Facts.JWKSKeys), true
		}),
	}
}

// showTokens shows the tokens, of those that no label tells apart the first.
func showTokens(m *moment, s sink) {
	for _, i := range m.order(nodeLabels) {
		lifetimes := m.entries[i].Facts.TokenLifetimes
		if len(lifetimes) == 0 {
			continue
		}
		shown := make(map[string]float64, len(lifetimes))
		for _, name := range slices.Sorted(maps.Keys(lifetimes)) {
			valid := strings.ToValidUTF8(name, "?")
			if _, again := shown[valid]; !again {
				shown[valid] = lifetimes[name].Seconds()
			}
		}
		for _, name := range slices.Sorted(maps.Keys(shown)) {
			s.put(point{entry: i, after: name, value: shown[name]})
		}
	}
}
