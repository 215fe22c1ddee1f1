package state_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/store"
	"github.com/idp-exporter/idp_exporter/probes"
)

// A restart with the real file on disk.
func TestVerdictsOutliveARestart(t *testing.T) {
	t.Parallel()
	folder, key := t.TempDir(), state.Key{Probe: "login", Node: "n2"}
	specs := []state.Spec{{Key: key, Gates: true, Every: time.Minute, Fingerprint: "f"}}
	open := func() *store.Store {
		s, err := store.Open(t.Context(), folder, nil)
		require.NoError(t, err)
		return s
	}
	before := state.New(state.Options{})
	before.Configure(specs, state.Options{})
	before.Record(key, probes.Result{Outcome: probes.Pass, Start: time.Now(), Duration: time.Millisecond})
	file := open()
	var records []store.VerdictRecord
	for _, r := range before.Export(time.Time{}) {
		records = append(records, store.VerdictRecord(r))
	}
	require.NoError(t, file.SaveVerdicts(t.Context(), records))
	require.NoError(t, file.Close())

	file = open()
	defer func() { require.NoError(t, file.Close()) }()
	records, err := file.LoadVerdicts(t.Context())
	require.NoError(t, err)
	after := state.New(state.Options{})
	after.Configure(specs, state.Options{})
	require.False(t, after.Verdict().OK)
	var saved []state.Saved
	for _, r := range records {
		saved = append(saved, state.Saved(r))
	}
	require.Equal(t, []state.Key{key}, after.Restore(saved))
	require.True(t, after.Verdict().OK)
	e, _ := after.Entry(key)
	require.True(t, e.Restored)
}
