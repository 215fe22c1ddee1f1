package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		child(folder)
		return
	}
	goleak.VerifyTestMain(m)
}

// impatient keeps tests of a locked file short.
const impatient = 50 * time.Millisecond

func opened(t *testing.T, folder string) *Store {
	t.Helper()
	s, err := open(t.Context(), folder, nil, impatient)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// at is a whole second, as it comes back from JSON in UTC.
func at(i int) time.Time { return time.Date(2031, 5, 6, 7, 0, i, 0, time.UTC) }

func verdict(i, revision int) VerdictRecord {
	offset := time.Duration(revision) * time.Millisecond
	keys := 2
	return VerdictRecord{
		Key:         state.Key{Probe: fmt.Sprintf("probe \"%d\"\n", i), Node: fmt.Sprintf("n%d", i%3)},
		Fingerprint: fmt.Sprintf("%064x", i), Verdict: probes.Fail, Since: at(revision), LastPass: at(1), Seen: at(2),
		NotBefore: at(3), UnknownSince: at(4), FailRow: revision,
		LastConclusive: &probes.Result{
			Outcome: probes.Fail, Start: at(revision), Duration: 1500 * time.Millisecond, FailedStep: "token",
			Reason: probes.ReasonTimeout, Detail: "no answer — within 10s",
			Steps: []probes.Step{{Name: "token", Start: time.Millisecond, Duration: time.Second, Outcome: probes.Fail}},
			Facts: probes.Facts{ClockOffset: &offset, JWKSKeys: &keys, KeyIDs: []string{"a", "b"}, CertificateNotAfter: at(9)},
		},
	}
}

func drain(i, revision int) maintenance.Drain {
	return maintenance.Drain{Node: fmt.Sprintf("node-%03d", i), Since: at(0), Until: at(revision), By: "ops"}
}

func window(i, revision int) maintenance.Window {
	return maintenance.Window{ID: fmt.Sprintf("w-%03d", i), Name: "update", Start: at(0), End: at(revision), Nodes: []string{"n1"}, Comment: "kernel"}
}

func read(t *testing.T, s *Store) (v []VerdictRecord, d []maintenance.Drain, w []maintenance.Window) {
	t.Helper()
	var err error
	v, err = s.LoadVerdicts(t.Context())
	require.NoError(t, err)
	d, err = s.Drains(t.Context())
	require.NoError(t, err)
	w, err = s.Windows(t.Context())
	require.NoError(t, err)
	return v, d, w
}

// filled makes a closed file with n records of each kind, verdicts among them
// that were written twice, and returns its content.
func filled(t *testing.T, n int) []byte {
	t.Helper()
	folder := t.TempDir()
	s, err := Open(t.Context(), folder, nil)
	require.NoError(t, err)
	for revision := range 2 {
		for i := range n {
			require.NoError(t, s.SaveVerdicts(t.Context(), []VerdictRecord{verdict(i, revision)}))
			require.NoError(t, s.PutDrain(t.Context(), drain(i, revision)))
			require.NoError(t, s.PutWindow(t.Context(), window(i, revision)))
		}
	}
	require.NoError(t, s.Close())
	content, err := os.ReadFile(filepath.Join(folder, File))
	require.NoError(t, err)
	return content
}

func fileOf(t *testing.T, content []byte) (folder string) {
	t.Helper()
	folder = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, File), content, 0o600))
	return folder
}
