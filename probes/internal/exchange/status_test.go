package exchange

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatusHas(t *testing.T) {
	t.Parallel()
	require.True(t, Status("2xx").Has(299))
	require.False(t, Status("2xx").Has(300))
	require.True(t, Status("404").Has(404))
	require.False(t, Status("404").Has(400))
}
