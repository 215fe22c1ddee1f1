package oneway

import (
	"context"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pair returns two ends of a TCP connection.
func pair(t *testing.T) (*Conn, *net.TCPConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	here, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	there, err := l.Accept()
	require.NoError(t, err)
	c := Watch(here)
	t.Cleanup(func() {
		_ = c.Close()
		_ = there.Close()
	})
	return c, there.(*net.TCPConn)
}

// TestNothingIsSaidToBeSentToAClosedPeer: without the watch, the first write
// after the peer's end succeeds.
func TestNothingIsSaidToBeSentToAClosedPeer(t *testing.T) {
	t.Parallel()
	for range 200 {
		c, there := pair(t)
		require.NoError(t, c.Send(t.Context(), []byte("a")))
		_, err := there.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, there.Close())
		if runtime.GOOS != "linux" {
			require.Eventually(t, c.Gone, 30*time.Second, time.Millisecond)
		}
		require.Error(t, c.Send(t.Context(), []byte("b")))
		require.NoError(t, c.Close())
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, there := pair(t)
	require.NoError(t, there.SetReadBuffer(1024))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Send(ctx, make([]byte, 64<<20)), context.DeadlineExceeded)
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Send(t.Context(), nil), ErrGone)
}

func TestAPeerThatTalksIsNotGone(t *testing.T) {
	t.Parallel()
	c, there := pair(t)
	_, err := there.Write(make([]byte, 4096))
	require.NoError(t, err)
	require.NoError(t, c.Send(t.Context(), []byte("a")))
	require.False(t, c.Gone())
	require.NoError(t, there.CloseWrite())
	require.Eventually(t, c.Gone, 30*time.Second, time.Millisecond)
	require.NoError(t, c.Close())
}
