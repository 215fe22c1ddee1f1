//go:build linux

package watchdog

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// These tests set the environment, so they do not run in parallel.

// manager is systemd's end of the socket.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func listen(t *testing.T, name string) manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", "")
	t.Setenv("WATCHDOG_PID", "")
	return manager{t, conn}
}

func file(t *testing.T) string { return filepath.Join(t.TempDir(), "notify") }

// receive returns the next message.
func (m manager) receive() string {
	m.t.Helper()
	require.NoError(m.t, m.conn.SetReadDeadline(time.Now().Add(patience)))
	b := make([]byte, 4096)
	n, err := m.conn.Read(b)
	require.NoError(m.t, err)
	return string(b[:n])
}

// silent requires that nothing comes for a time.
func (m manager) silent(d time.Duration) {
	m.t.Helper()
	require.NoError(m.t, m.conn.SetReadDeadline(time.Now().Add(d)))
	b := make([]byte, 4096)
	n, err := m.conn.Read(b)
	require.ErrorIs(m.t, err, os.ErrDeadlineExceeded, "%q", b[:n])
}

func run(t *testing.T, n *Notifier) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func TestNotifyStates(t *testing.T) {
	for kind, name := range map[string]string{"file": file(t), "abstract": "@idp_exporter-test-" + strconv.Itoa(os.Getpid())} {
		t.Run(kind, func(t *testing.T) {
			m := listen(t, name)
			n := &Notifier{Status: func() string { return "FAIL: login\nMAINPID=1\x00" }}
			n.Ready()
			require.Equal(t, "READY=1\nSTATUS=FAIL: login MAINPID=1 ", m.receive(), "a status is one line")

			before := monotonic(t)
			done := n.Reloading()
			first, second, _ := strings.Cut(m.receive(), "\n")
			require.Equal(t, "RELOADING=1", first)
			stamp, err := strconv.ParseInt(strings.TrimPrefix(second, "MONOTONIC_USEC="), 10, 64)
			require.NoError(t, err, second)
			require.GreaterOrEqual(t, stamp, before)
			require.LessOrEqual(t, stamp, monotonic(t))
			done()
			require.True(t, strings.HasPrefix(m.receive(), "READY=1\n"))

			run(t, n)()
			require.Equal(t, "STOPPING=1\nSTATUS=stopping", m.receive())
		})
	}
}

func monotonic(t *testing.T) int64 {
	var ts unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts))
	return ts.Nano() / 1000
}

// Pings come while nothing is stuck, stop while something is, and go on when
// it is well again.
func TestNotifyWatchdog(t *testing.T) {
	m := listen(t, file(t))
	t.Setenv("WATCHDOG_USEC", "100000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	var stuck atomic.Bool
	n := &Notifier{Stuck: func() []string {
		if stuck.Load() {
			return []string{"scheduler"}
		}
		return nil
	}}
	began := time.Now()
	stop := run(t, n)
	for range 5 {
		require.Equal(t, "WATCHDOG=1", m.receive())
	}
	require.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond, "at half of the time, not more often")

	stuck.Store(true)
	require.Eventually(t, func() bool { // what was on its way
		_ = m.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, err := m.conn.Read(make([]byte, 100))
		return err != nil
	}, patience, time.Millisecond)
	m.silent(300 * time.Millisecond)
	stuck.Store(false)
	require.Equal(t, "WATCHDOG=1", m.receive())
	stop()
	require.Eventually(t, func() bool { return strings.HasPrefix(m.receive(), "STOPPING=1") }, patience, time.Millisecond)
}

// Without WatchdogSec, or with one for another process, there are no pings.
func TestNotifyWatchdogOfOthers(t *testing.T) {
	for _, c := range [][2]string{{"", ""}, {"1000", "1"}, {"nonsense", ""}, {"-5", ""}} {
		m := listen(t, file(t))
		t.Setenv("WATCHDOG_USEC", c[0])
		t.Setenv("WATCHDOG_PID", c[1])
		stop := run(t, &Notifier{})
		m.silent(50 * time.Millisecond)
		stop()
		require.Equal(t, "STOPPING=1\nSTATUS=stopping", m.receive())
	}
}

// The status line follows the verdict and is sent only when it changes.
func TestNotifyStatus(t *testing.T) {
	m := listen(t, file(t))
	var ok atomic.Bool
	n := &Notifier{Status: func() string { return StatusLine(ok.Load(), []string{"login: fail"}, nil) }}
	n.Ready()
	require.Equal(t, "READY=1\nSTATUS=FAIL: login: fail", m.receive())
	ok.Store(true)
	stop := run(t, n)
	require.Equal(t, "STATUS=OK: people can sign in", m.receive())
	stop()
	require.Equal(t, "STOPPING=1\nSTATUS=stopping", m.receive())
}

func TestNotifyNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	for _, n := range []*Notifier{nil, {}} {
		n.Ready()
		n.Reloading()()
		run(t, n)()
	}
	// A socket that is gone is told once and holds up nothing.
	t.Setenv("NOTIFY_SOCKET", file(t))
	var log diary
	n := &Notifier{Logger: log.logger()}
	n.Ready()
	n.Ready()
	require.Equal(t, 1, log.count("systemd cannot be told"))
}

func TestStatusLine(t *testing.T) {
	disk := []Problem{{Part: "storage_disk"}, {Part: "workers"}}
	for _, c := range []struct {
		ok       bool
		reasons  []string
		problems []Problem
		want     string
	}{
		{true, nil, nil, "OK: people can sign in"},
		{true, []string{"a warning"}, disk, "OK: people can sign in; unhealthy: storage_disk, workers"},
		{false, nil, nil, "FAIL"},
		{false, []string{"a"}, nil, "FAIL: a"},
		{false, []string{"a\nb", "c"}, disk[:1], "FAIL: a b and more; unhealthy: storage_disk"},
	} {
		require.Equal(t, c.want, StatusLine(c.ok, c.reasons, c.problems))
	}
	long := StatusLine(false, []string{strings.Repeat("é", 5000), "b"}, disk)
	require.LessOrEqual(t, len(long), maxStatus)
	require.True(t, strings.HasSuffix(long, "… and more; unhealthy: storage_disk, workers"), long)
}
