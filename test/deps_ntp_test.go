package test

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// chronyd starts Debian's chronyd, which does not touch this machine's clock,
// with lines of configuration, and returns where it serves.
func chronyd(t *testing.T, lines string) (*process, string) {
	t.Helper()
	counterpart(t, "chronyd")
	dir, port := t.TempDir(), freePort(t)
	file := writeFile(t, dir, "chrony.conf", "port "+port+"\nbindaddress 127.0.0.1\nallow 127.0.0.1\ncmdport 0\nbindcmdaddress /\npidfile "+
		filepath.Join(dir, "pid")+"\ndriftfile "+filepath.Join(dir, "drift")+"\n"+lines)
	return startCommand(t, debianCommand(t, "chronyd", "-d", "-x", "-U", "-u", "root", "-f", file)), "127.0.0.1:" + port
}

func TestNTPAgainstChrony(t *testing.T) {
	t.Parallel()
	p, good := chronyd(t, "local stratum 3\n")
	_, second := chronyd(t, "local stratum 4\n")
	_, lost := chronyd(t, "")
	r := eventuallyPasses(t, "kind: ntp\nservers: ["+good+"]\n") // two lines
	require.Less(t, r.Facts.ClockOffset.Abs(), 500*time.Millisecond)
	r = eventuallyPasses(t, "kind: ntp\nservers: ["+good+", "+second+"]\n")
	require.Contains(t, r.Assertions[0].Detail, "stratum 3")
	requireReason(t, runProbe(t, "kind: ntp\nservers: ["+second+"]\nmax_stratum: 3\n"), "judge", probes.ReasonUnsynchronized)
	eventually(t, 20*time.Second, func() error { // chronyd needs a moment to start
		if r = runProbe(t, "kind: ntp\nservers: ["+lost+"]\n"); r.Reason != probes.ReasonUnsynchronized {
			return &probes.Failure{Reason: r.Reason, Err: net.ErrClosed}
		}
		return nil
	})
	requireReason(t, r, "judge", probes.ReasonUnsynchronized)
	r = runProbe(t, "kind: ntp\nservers: ["+good+", "+lost+"]\nquorum: 1\n")
	require.Equal(t, probes.Warn, r.Outcome)

	p.signal(syscall.SIGSTOP)
	requireReason(t, runProbeAt(t, "kind: ntp\nservers: ["+good+"]\n", probes.Target{}, 3*time.Second), "query", probes.ReasonTimeout)
	p.signal(syscall.SIGCONT)
	_, _ = p.end(syscall.SIGTERM)
	requireReason(t, runProbe(t, "kind: ntp\nservers: ["+good+"]\n"), "query", probes.ReasonConnect)
}
