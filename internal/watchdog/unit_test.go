package watchdog

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The unit that is shipped is one that systemd takes without a remark, and as
// locked up as it is said to be.
func TestUnit(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed here")
	}
	content, err := os.ReadFile("../../examples/systemd/idp_exporter.service")
	require.NoError(t, err)
	// The command has to exist.
	self, err := os.Executable()
	require.NoError(t, err)
	text := strings.ReplaceAll(string(content), "/usr/local/bin/idp_exporter", self)
	// What is commented out is to be right, too.
	text = strings.ReplaceAll(text, "#LoadCredential=", "LoadCredential=")
	require.NotEqual(t, string(content), text)
	unit := filepath.Join(t.TempDir(), "idp_exporter.service")
	require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))

	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "idp_exporter") {
		t.Skipf("systemd-analyze does not work here: %v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		require.NotContains(t, line, "idp_exporter.service", "a remark on the unit")
	}
	require.NoError(t, err, "%s", out)

	// 10 is open, 0 is closed; "OK" ends below 4.9.
	out, err = exec.CommandContext(t.Context(), analyze, "security", "--no-pager", "--offline=true", "--threshold=20", unit).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("this systemd-analyze cannot judge a file")
	}
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "OK")
}
