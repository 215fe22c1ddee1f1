package demo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBoards(t *testing.T) {
	t.Parallel()
	p := started(t, StartOptions{SigningAlg: "EdDSA"}).Provider
	a := startedAppliance(t, ApplianceOptions{})
	b := Boards{p, a}
	require.Equal(t, Switches(), b.Switches(), "what is listed is what there is")
	seen := map[string]bool{}
	for i, s := range Switches() {
		require.False(t, seen[s.Name], s.Name)
		seen[s.Name] = true
		require.NoError(t, b.Set(s.Name, true))
		require.True(t, b.Switches()[i].Broken, s.Name)
		require.NoError(t, b.Set(s.Name, false))
		require.Equal(t, Switches(), b.Switches(), s.Name)
	}
	err := b.Set("nonsense", true)
	for name := range seen {
		require.ErrorContains(t, err, name)
	}
}
