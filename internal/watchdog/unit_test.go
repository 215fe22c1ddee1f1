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

// The kernel can be asked whether the clock is synchronized, and no more than
// that: without the former, a probe of the kind host cannot see a clock that
// nothing keeps right.
func TestUnitLetsTheClockBeAsked(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed here")
	}
	settings := unitSettings(t)
	require.Equal(t, []string{"no"}, settings["ProtectClock"], "it denies adjtimex, whatever SystemCallFilter says")
	require.Equal(t, []string{""}, settings["CapabilityBoundingSet"], "without CAP_SYS_TIME nobody sets the clock")
	let := map[string]bool{}
	for i, line := range settings["SystemCallFilter"] {
		names, denied := strings.CutPrefix(line, "~")
		require.False(t, denied && i == 0, "the first line says what the list is, and ours is of what is let in")
		for _, name := range calls(t, analyze, strings.Fields(names)...) {
			let[name] = !denied
		}
	}
	for name, want := range map[string]bool{
		"adjtimex": true, "read": true, "connect": true,
		"clock_adjtime": false, "clock_settime": false, "settimeofday": false, "ptrace": false, "mount": false, "setrlimit": false,
	} {
		require.Equal(t, want, let[name], name)
	}
}

// unitSettings reads the unit that is shipped: the values of each key, in order.
func unitSettings(t *testing.T) map[string][]string {
	t.Helper()
	content, err := os.ReadFile("../../examples/systemd/idp_exporter.service")
	require.NoError(t, err)
	settings := map[string][]string{}
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			settings[key] = append(settings[key], value)
		}
	}
	return settings
}

// calls lists the system calls that names and @groups stand for (systemd.exec(5)).
func calls(t *testing.T, analyze string, names ...string) []string {
	t.Helper()
	var all []string
	for _, name := range names {
		if !strings.HasPrefix(name, "@") {
			all = append(all, name)
			continue
		}
		out, err := exec.CommandContext(t.Context(), analyze, "syscall-filter", "--no-pager", name).Output()
		if err != nil {
			t.Skipf("this systemd-analyze does not list system calls: %v", err)
		}
		var members []string
		for line := range strings.Lines(string(out)) {
			if m := strings.TrimSpace(line); m != "" && m != name && !strings.HasPrefix(m, "#") {
				members = append(members, m)
			}
		}
		all = append(all, calls(t, analyze, members...)...)
	}
	return all
}
