//go:build unix

package balancer

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const freezing = "IDP_TEST_AGENT"

// TestAgentOfItsOwn is the other process of TestFrozen.
func TestAgentOfItsOwn(t *testing.T) {
	if os.Getenv(freezing) == "" {
		return // run by TestFrozen alone
	}
	v := &verdicts{}
	v.ok.Store(true)
	answer := func(node string) Answer {
		if node == "" {
			return Answer{Known: true}
		}
		return v.of(node)
	}
	b, err := New(Options{Agent: []string{"127.0.0.1:0"}, Answer: answer, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	fmt.Printf("agent %s\n", b.Addresses()[0])
	_ = b.Run(t.Context())
}

// A process that is stopped around the question does not take it for silence:
// n1 passes here, and the whole fails.
func TestFrozen(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAgentOfItsOwn$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), freezing+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	address := strings.TrimSpace(strings.TrimPrefix(line, "agent "))

	conns := make([]net.Conn, 40)
	for i := range conns {
		conns[i], err = net.Dial("tcp", address)
		require.NoError(t, err)
		defer conns[i].Close()
	}
	time.Sleep(50 * time.Millisecond) // it has begun to wait, most likely
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	for _, conn := range conns {
		_, err = io.WriteString(conn, "n1\n")
		require.NoError(t, err)
	}
	time.Sleep(patience + lastLook + heldUp)
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	for _, conn := range conns {
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		answer, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, "up\n", string(answer))
	}
}
