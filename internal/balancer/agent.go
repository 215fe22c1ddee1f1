package balancer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxAgents     = 1280 // connections answered at once on one listener: most are silent for as long as patience
	answerTime    = 2 * time.Second
	complainEvery = time.Minute
)

// agent is one listener of HAProxy's agent-check: it answers one line of words
// and closes. Where it is not certain which node is meant it closes without an
// answer, which leaves the server as it is.
type agent struct {
	net.Listener
	node   string
	answer func(node string) Answer
	words  *words
	log    *slog.Logger

	complained atomic.Int64 // when, in Unix nanoseconds
}

func (a *agent) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { _ = a.Close() })
	defer stop()
	defer func() { _ = a.Close() }()
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, maxAgents)
	for {
		conn, err := a.Accept()
		if err != nil {
			if closed(err) || ctx.Err() != nil {
				return
			}
			select { // out of descriptors, say: others will end meanwhile
			case <-ctx.Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			a.serve(ctx, conn)
			<-slots
		})
	}
}

func (a *agent) serve(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer leave(conn)
	node := a.node
	if node == "" {
		var err error
		if node, err = question(conn); err != nil {
			if errors.Is(err, errUnfinished) || errors.Is(err, errHeldUp) {
				a.complain(err.Error())
			}
			return
		}
	}
	answer := a.answer(node)
	if !answer.Known {
		a.complain("agent-check asked about a node that does not exist; compare agent-send with the nodes' names")
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(answerTime))
	_, _ = io.WriteString(conn, a.words.say(conn.RemoteAddr(), node, answer))
}

// complain is bounded, since anyone who reaches the listener can cause it.
func (a *agent) complain(text string) {
	now := time.Now().UnixNano()
	last := a.complained.Load()
	if now-last < int64(complainEvery) || !a.complained.CompareAndSwap(last, now) {
		return
	}
	a.log.Warn(text, "listener", a.Addr().String())
}
