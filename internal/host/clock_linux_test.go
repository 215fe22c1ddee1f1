package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// deniedEnv makes the test binary deny itself adjtimex(2) first, as a unit with
// ProtectClock=yes does.
const deniedEnv = "HOST_TEST_DENY_ADJTIMEX"

// noSeccomp is the exit code that says that it cannot.
const noSeccomp = 77

// denyAdjtimex puts a filter on all threads (seccomp(2)).
func denyAdjtimex() error {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_ADJTIMEX, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]} //nolint:gosec // four
	runtime.LockOSThread()                                                   // for good
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&filter))) //nolint:gosec // as the call wants it
	if errno != 0 {
		return errno
	}
	return nil
}

// A clock that the kernel does not let us ask about is not known, which is told:
// it is not taken for a good one.
func TestClockIsNotKnownWhereItMayNotBeAsked(t *testing.T) {
	t.Parallel()
	if os.Getenv(deniedEnv) != "" {
		if err := denyAdjtimex(); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(noSeccomp)
		}
		tellFigures()
		os.Exit(0)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), deniedEnv+"=1")
	out, err := cmd.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == noSeccomp {
		t.Skipf("there is no seccomp here: %s", ended.Stderr)
	}
	require.NoError(t, err)
	var got told
	require.NoError(t, json.Unmarshal(out, &got), "%s", out)
	require.Nil(t, got.Clock)
	require.Equal(t, "adjtimex: operation not permitted", got.ClockErr)
	require.NotNil(t, got.Memory, "all else goes on")

	clock, err := machineClock()
	require.NoError(t, err)
	require.Positive(t, clock.MaxError, "else it can be asked")
}
