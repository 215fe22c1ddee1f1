package test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

const insideEnv = "IDP_EXPORTER_TEST_NAMESPACE"

// TestNetworkFaultsAreToldApart runs TestInsideTheNamespace, and
// TestFaultsOfEveryKind runs TestKindsInsideTheNamespace.
func TestNetworkFaultsAreToldApart(t *testing.T) { inNamespace(t, "TestInsideTheNamespace") }

// inNamespace runs a test in a network namespace of its own, whose loopback can
// be broken without harm, and with mounts of its own.
func inNamespace(t *testing.T, test string) {
	t.Helper()
	t.Parallel()
	for _, tool := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not here (package iproute2)", tool)
		}
	}
	nft := debianCommand(t, "nft", "--version") // skips without it
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$", "-test.v", "-test.timeout=5m", "-test.parallel=32")
	cmd.Env = append(nft.Env, insideEnv+"="+nft.Path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		t.Skip("no network namespace may be made here")
	}
	t.Log(string(out))
	require.NoError(t, err)
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip("see above")
	}
}

// network is the loopback of a namespace of our own.
type network struct {
	t   *testing.T
	nft string
}

// enter sets up the namespace that a test runs in, and skips it elsewhere.
func enter(t *testing.T) network {
	t.Helper()
	nft := os.Getenv(insideEnv)
	if nft == "" {
		t.Skip("another test runs this in a network namespace")
	}
	n := network{t, nft}
	out, ok := n.try("ip", "link", "set", "lo", "up")
	require.True(t, ok, out)
	if out, ok = n.filter("tcp dport 1 drop"); !ok {
		t.Skipf("nftables does not work here: %s", out)
	}
	return n
}

// try runs a command, and returns what it says and whether it succeeded.
func (n network) try(name string, args ...string) (string, bool) {
	n.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	return string(out), err == nil
}

// rules replaces the packet filter.
func (n network) rules(rules string) {
	n.t.Helper()
	out, ok := n.filter(rules)
	require.True(n.t, ok, out)
}

// delay makes everything slow, until the function it returns is called.
func (n network) delay(by string) func() {
	n.t.Helper()
	if out, ok := n.try("tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", by); !ok {
		n.t.Logf("no netem in this kernel (%s): a narrow line makes the delay", strings.TrimSpace(out))
		out, ok = n.try("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "2kbit", "burst", "200", "latency", "20s")
		require.True(n.t, ok, out)
	}
	return func() { _, _ = n.try("tc", "qdisc", "del", "dev", "lo", "root") }
}

// own replaces the packet filter by one of what this machine sends.
func (n network) own(rules string) {
	n.t.Helper()
	out, ok := n.chain("output", rules)
	require.True(n.t, ok, out)
}

func (n network) filter(rules string) (string, bool) {
	n.t.Helper()
	return n.chain("input", rules)
}

func (n network) chain(hook, rules string) (string, bool) {
	n.t.Helper()
	return n.try(n.nft, "flush ruleset\ntable inet t {\nchain c {\ntype filter hook "+hook+" priority 0\n"+strings.ReplaceAll(rules, ";", "\n")+"\n}\n}\n")
}

// echo answers every line with itself.
func echo(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(listen(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "220 ready\r\n")
		_, _ = io.Copy(c, c)
	}))
	require.NoError(t, err)
	return port
}

func TestInsideTheNamespace(t *testing.T) {
	n := enter(t)
	port := echo(t)
	const short = 3 * time.Second
	dialog := "kind: tcp\naddress: 127.0.0.1:" + port + "\ndialog: [{expect: ^220}, {send: hello}, {expect: ^hello}]\n"
	tcp := func(t *testing.T) probes.Result { return runProbeAt(t, dialog, probes.Target{}, short) }
	ping := func(t *testing.T) probes.Result {
		return runProbe(t, "kind: icmp\nhost: 127.0.0.1\ncount: 10\ninterval: 20ms\nwait: 3s\n")
	}

	t.Run("nothing", func(t *testing.T) {
		n.t = t
		n.rules("")
		requireReason(t, runProbe(t, dialog), "", "")
		requireReason(t, ping(t), "", "")
		requireReason(t, runProbe(t, "kind: icmp\nhost: '::1'\nip_version: 6\ninterval: 20ms\n"), "", "")
	})
	t.Run("blackhole", func(t *testing.T) {
		n.t = t
		n.rules("tcp dport " + port + " drop; icmp type echo-request drop; udp dport 53 drop;")
		requireReason(t, tcp(t), "connect", probes.ReasonTimeout)
		requireReason(t, ping(t), "echo", probes.ReasonTimeout)
		requireReason(t, runProbeAt(t, "kind: dns\nquery: a.example\nservers: [127.0.0.1]\n", probes.Target{}, short), "query", probes.ReasonTimeout)
		requireReason(t, runProbeAt(t, "kind: egress\ntargets: ['127.0.0.1:"+port+"']\n", probes.Target{}, short), "connect", probes.ReasonTimeout)
	})
	t.Run("blackhole after the connection was made", func(t *testing.T) {
		n.t = t
		n.rules("tcp sport " + port + " ct state established tcp flags & psh == psh drop;")
		requireReason(t, tcp(t), "dialog", probes.ReasonTimeout)
	})
	t.Run("refused", func(t *testing.T) {
		n.t = t
		n.rules("tcp dport " + port + " reject with tcp reset;")
		requireReason(t, tcp(t), "connect", probes.ReasonConnect)
	})
	t.Run("unreachable", func(t *testing.T) {
		n.t = t
		n.rules("tcp dport " + port + " reject with icmp type host-unreachable; icmp type echo-request reject with icmp type host-unreachable;")
		r := tcp(t)
		requireReason(t, r, "connect", probes.ReasonConnect)
		require.Contains(t, r.Detail, "no route to host")
		r = ping(t)
		require.Contains(t, []probes.Reason{probes.ReasonConnect, probes.ReasonTimeout}, r.Reason, "a socket without privilege does not see what routers say")
	})
	t.Run("reset", func(t *testing.T) {
		n.t = t
		n.rules("tcp dport " + port + " ct state established tcp flags & psh == psh reject with tcp reset;")
		r := tcp(t)
		requireReason(t, r, "dialog", probes.ReasonConnect)
		require.Contains(t, r.Detail, "reset")
	})
	t.Run("loss", func(t *testing.T) {
		n.t = t
		n.rules("icmp type echo-request numgen inc mod 10 < 4 drop;")
		r := ping(t)
		require.Equal(t, probes.Warn, r.Outcome)
		requireReason(t, r, "echo", probes.ReasonPacketLoss)
		n.rules("icmp type echo-request numgen inc mod 10 < 8 drop;")
		r = ping(t)
		require.Equal(t, probes.Fail, r.Outcome)
		requireReason(t, r, "echo", probes.ReasonPacketLoss)
		// TCP makes up for what is lost, if it is given the time.
		n.rules("tcp dport " + port + " ct state new numgen inc mod 2 < 1 drop;")
		r = runProbe(t, dialog+"warn_slower_than: 500ms\n")
		require.Equal(t, probes.Warn, r.Outcome)
		requireReason(t, r, "connect", probes.ReasonSlow)
	})
	t.Run("delay", func(t *testing.T) {
		n.t = t
		n.rules("")
		defer n.delay("200ms")()
		r := runProbe(t, "kind: icmp\nhost: 127.0.0.1\ncount: 5\ninterval: 300ms\nwait: 10s\nwarn_slower_than: 50ms\n")
		require.Equal(t, probes.Warn, r.Outcome)
		requireReason(t, r, "echo", probes.ReasonSlow)
		r = runProbe(t, dialog+"warn_slower_than: 150ms\n")
		require.Equal(t, probes.Warn, r.Outcome)
		require.Equal(t, probes.ReasonSlow, r.Reason)
	})
}
