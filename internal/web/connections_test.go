package web

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// pipes accepts connections that nobody is at the other end of.
type pipes struct{ net.Listener }

func (pipes) Accept() (net.Conn, error) {
	c, _ := net.Pipe()
	return c, nil
}

func TestWhoMakesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := limitConnections(pipes{}, 3)
		accept := func() *connection {
			c, err := l.Accept()
			require.NoError(t, err)
			return c.(*connection)
		}
		open := func(c *connection) bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			_, is := l.open[c]
			return is
		}
		client, silent, busy := accept(), accept(), accept()
		client.enter()
		client.leave()
		busy.enter()

		begin := time.Now()
		newcomer := accept()
		require.GreaterOrEqual(t, time.Since(begin), grace, "nobody leaves within its grace")
		require.False(t, open(silent), "who never asked anything leaves first")
		require.True(t, open(client) && open(busy) && open(newcomer))

		time.Sleep(grace)
		newcomer.enter()
		newcomer.leave()
		next := accept()
		require.False(t, open(client), "then who has been idle for longest")
		require.True(t, open(newcomer) && open(busy) && open(next))

		newcomer.enter()
		next.enter()
		require.Nil(t, l.admitWithin(nil, grace), "where all are busy the newcomer goes")
	})
}
