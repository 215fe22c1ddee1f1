package host

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A real group with limits: seen from a container that has a cgroup namespace,
// from one that sees the machine's hierarchy, and, as a service on a machine
// would, not at all.
func TestRealControlGroups(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("making control groups takes root")
	}
	mounts := parseMountinfo(readFile("/proc/self/mountinfo"))
	memory, ok := findMount(mounts, "memory")
	cpu, known := findMount(mounts, "cpu")
	if !ok || !known {
		t.Skip("no control groups here")
	}
	const limit = 256 << 20
	set := map[string]map[string]string{
		memory.point: {"memory.limit_in_bytes": "268435456"}, cpu.point: {"cpu.cfs_quota_us": "50000"},
	}
	if memory.v2 {
		set = map[string]map[string]string{memory.point: {"memory.max": "268435456", "cpu.max": "50000 100000"}}
	}
	var join, remount []string
	for point, files := range set {
		folder := filepath.Join(point, "idp_exporter_test_"+filepath.Base(t.TempDir())+strings.ReplaceAll(t.Name(), "/", "_")+filepath.Base(filepath.Dir(t.TempDir())))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Skipf("control groups cannot be made here: %v", err)
		}
		t.Cleanup(func() { require.NoError(t, os.Remove(folder)) })
		for name, value := range files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(value), 0o600); err != nil {
				t.Skipf("limits cannot be set here: %v", err)
			}
		}
		join = append(join, "echo $$ > "+folder+"/cgroup.procs")
		remount = append(remount, "umount "+point)
	}
	again := "mount -t cgroup2 none " + memory.point
	if !memory.v2 {
		again = "mount -t cgroup -o memory none " + memory.point + " && mount -t cgroup -o cpu none " + cpu.point
		if acct, ok := findMount(mounts, "cpuacct"); ok && acct.point == cpu.point {
			again = strings.Replace(again, "-o cpu ", "-o cpu,cpuacct ", 1)
		}
	}
	self, err := os.Executable()
	require.NoError(t, err)
	inside := func(mode string, script ...string) told {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", strings.Join(append(join, script...), "\n"))
		cmd.Env = append(os.Environ(), insideEnv+"="+mode, "SELF="+self)
		out, err := cmd.Output()
		require.NoError(t, err)
		var got told
		require.NoError(t, json.Unmarshal(out, &got), string(out))
		return got
	}
	check := func(got told) {
		t.Helper()
		require.True(t, got.Memory.Limited)
		require.EqualValues(t, limit, got.Memory.Total)
		require.Positive(t, got.Memory.Available)
		require.Less(t, got.Memory.Available, got.Memory.Total, "the test itself uses some")
		require.True(t, got.CPU.Limited)
		require.Equal(t, 0.5, got.CPU.Cores)
	}
	check(inside("deep", `exec "$SELF"`))
	service := inside("machine", `exec "$SELF"`)
	require.False(t, service.Memory.Limited, "a service's own limits are not the machine's")
	require.False(t, service.CPU.Limited)
	require.Greater(t, service.Memory.Total, uint64(limit))
	if _, err := exec.LookPath("unshare"); err == nil {
		check(inside("machine", `exec unshare --cgroup --mount --propagation private sh -ec '`+strings.Join(remount, "\n")+"\n"+again+"\n"+`exec "$SELF"'`))
	}
}
