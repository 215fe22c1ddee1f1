package appliance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/probes"
)

// All that is not well is told, what is bad before what is but a warning.
func TestAllThatIsNotWellIsTold(t *testing.T) {
	t.Parallel()
	n := newNode(t, demo.ApplianceOptions{})
	for _, r := range []string{"cpu", "email", "db"} {
		require.NoError(t, n.SetBroken(r, true))
	}
	r := ran(t, built(t, options(t, "{warn: [cpu, services], test: false, testall: false, url: '"+n.url+"'}"), probes.Target{}))
	require.Equal(t, probes.Fail, r.Outcome)
	require.Equal(t, "email", r.FailedStep)
	require.Equal(t, "email is not well (520); also: db is not well (520); cpu is not well (520)", r.Detail)
}

// A key that was refused is not answered by making another, which would lock out
// all other monitors.
func TestARefusedKeySaysWhatToLookAtFirst(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"a0-1": "/status/cpu answered 401: the health key was refused; compare the key file with the key in use",
		"":     "the health key was refused; see that this is an appliance's health service, since the answer carries no X-Auth0-Host (via, url, port); then compare",
	} {
		origin := scripted(t, func(w http.ResponseWriter, _ *http.Request) {
			if header != "" {
				w.Header().Set("X-Auth0-Host", header)
			}
			w.WriteHeader(http.StatusUnauthorized)
		})
		r := ran(t, built(t, options(t, "{resources: [cpu], test: false, testall: false, url: '"+origin+"'}"), probes.Target{}))
		require.Contains(t, r.Detail, want)
		require.Greater(t, strings.Index(r.Detail, "generate one"), strings.Index(r.Detail, "compare"), "the harmful step comes last")
	}
}
