package collector

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

func TestQuorums(t *testing.T) {
	t.Parallel()
	st := state.New(state.Options{})
	m := New(st, Options{})
	require.NoError(t, testutil.GatherAndCompare(m, strings.NewReader(""), "idp_provider_quorum"))
	st.Configure(nil, state.Options{Providers: map[string]state.Group{"acme": {Quorum: 2}, "all": {}, "b": {Quorum: 1}}})
	require.NoError(t, testutil.GatherAndCompare(m, strings.NewReader(`# HELP idp_provider_quorum How many nodes of the provider have to pass; absent where every one has to.
# TYPE idp_provider_quorum gauge
idp_provider_quorum{provider="acme"} 2
idp_provider_quorum{provider="b"} 1
`), "idp_provider_quorum"))
}
