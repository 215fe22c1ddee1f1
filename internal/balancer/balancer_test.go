package balancer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// verdicts answers for the whole and for n1; n2 always fails.
type verdicts struct{ ok, drained atomic.Bool }

func (v *verdicts) of(node string) Answer {
	switch node {
	case "", "n1":
		return Answer{Known: true, OK: v.ok.Load(), Drained: v.drained.Load()}
	case "n2":
		return Answer{Known: true}
	}
	return Answer{}
}

func run(t *testing.T, o Options) *Balancer {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	b, err := New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return b
}

func ask(t *testing.T, address, question string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, question)
	require.NoError(t, err)
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(answer)
}

func TestAgentAnswersOneWord(t *testing.T) {
	t.Parallel()
	v := &verdicts{}
	b := run(t, Options{Agent: []string{"127.0.0.1:0", "n2@127.0.0.1:0"}, Answer: v.of})
	whole, n2 := b.Addresses()[0].String(), b.Addresses()[1].String()
	require.Equal(t, "down\n", ask(t, whole, "n1\n"))
	v.ok.Store(true)
	for question, want := range map[string]string{
		"\n": "up\n", "n1\n": "up\n", "n1\r\n": "up\n", "n2\n": "down\n", "n9\n": "", "\xff\x00\n": "", "n2\nn1\n": "down\n",
		strings.Repeat("n", maxQuestion) + "\n": "",
	} {
		require.Equal(t, want, ask(t, whole, question), "%q", question)
	}
	require.Equal(t, "down\n", ask(t, n2, ""), "a listener of one node needs no question")
	require.Eventually(t, func() bool {
		answer := ask(t, whole, "")
		require.Contains(t, []string{"up\n", ""}, answer, "none where the machine is too slow for silence to mean anything")
		return answer != ""
	}, time.Minute, time.Millisecond)
}

func TestSilentBalancersDoNotHoldOthersUp(t *testing.T) {
	t.Parallel()
	v := &verdicts{}
	v.ok.Store(true)
	b := run(t, Options{Agent: []string{"127.0.0.1:0"}, Answer: v.of})
	for range maxAgents + 100 {
		conn, err := net.Dial("tcp", b.Addresses()[0].String())
		if errors.Is(err, syscall.EMFILE) {
			t.Skip("this machine allows too few open files")
		}
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	require.Equal(t, "up\n", ask(t, b.Addresses()[0].String(), "n1\n"))
}

func TestTheGateIsOpenOnlyWhileTheVerdictPasses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	v := &verdicts{}
	run(t, Options{TCP: []string{"n1@" + address}, Answer: v.of})
	becomes := func(open bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				_ = conn.Close()
			}
			return (err == nil) == open
		}, 10*time.Second, 20*time.Millisecond)
	}
	becomes(false)
	v.ok.Store(true)
	becomes(true)
	v.ok.Store(false)
	becomes(false)
	v.ok.Store(true)
	becomes(true)
	v.drained.Store(true)
	becomes(false)
	v.drained.Store(false)
	becomes(true)
}

func TestSplitNode(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]string{
		"127.0.0.1:9109":    {"", "127.0.0.1:9109"},
		":9109":             {"", ":9109"},
		"n1@127.0.0.1:9109": {"n1", "127.0.0.1:9109"},
		"n1@[::1]:9109":     {"n1", "[::1]:9109"},
		"a@b@localhost:1":   {"a@b", "localhost:1"},
	} {
		node, hostport, err := SplitNode(address)
		require.NoError(t, err, address)
		require.Equal(t, want, [2]string{node, hostport}, address)
	}
	for _, bad := range []string{"", "n1", "n1@", "@:1", "n1@host", "n1@::1:1", "::1"} {
		_, _, err := SplitNode(bad)
		require.Error(t, err, bad)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []Options{{Agent: []string{"9108"}}, {TCP: []string{"@127.0.0.1:1"}}, {Agent: []string{"n1@nowhere"}}} {
		_, err := New(bad)
		require.Error(t, err)
	}
	require.NoError(t, Options{Agent: []string{"127.0.0.1:1", "n1@[::1]:2"}, TCP: []string{"localhost:3"}}.CheckLocal())
	for _, far := range []string{":9108", "10.0.0.1:1", "n1@0.0.0.0:1", "example.com:1"} {
		require.Error(t, Options{TCP: []string{far}}.CheckLocal(), far)
	}
}
