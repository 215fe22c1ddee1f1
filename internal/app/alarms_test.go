package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryKindHasARunbook fails for a kind of probe whose alarms would lead
// nowhere.
func TestEveryKindHasARunbook(t *testing.T) {
	t.Parallel()
	for _, kind := range NewKinds().all {
		for _, node := range []string{"", "n1"} {
			for _, gates := range []bool{true, false} {
				page := runbookPage(kind.Name, node, gates)
				require.NotEmpty(t, page, kind.Name)
				_, err := os.Stat(filepath.Join("../../docs/runbooks", page+".md"))
				require.NoError(t, err)
			}
		}
	}
	require.Empty(t, runbookPage("other", "", true))
}
