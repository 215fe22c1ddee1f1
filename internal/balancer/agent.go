package balancer

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// patience is how long a balancer may take to send a node's name, if it
	// sends one (agent-send), and answerTime to take the answer.
	patience    = 200 * time.Millisecond
	answerTime  = 2 * time.Second
	maxQuestion = 256 // bytes
	maxAgents   = 256 // connections answered at once on one listener

	complainEvery = time.Minute
)

// agent is one listener of HAProxy's agent-check: it answers one line of words
// and closes. A name that is no node's gets no answer, which leaves the server
// as it is.
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
			a.serve(conn)
			<-slots
		})
	}
}

func (a *agent) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	node := a.node
	if node == "" {
		node = question(conn)
	}
	answer := a.answer(node)
	if !answer.Known {
		a.complain()
		return
	}
	_ = conn.SetWriteDeadline(time.Now().Add(answerTime))
	_, _ = io.WriteString(conn, a.words.say(conn.RemoteAddr(), node, answer))
}

// complain is bounded, since anyone who reaches the listener can cause it.
func (a *agent) complain() {
	now := time.Now().UnixNano()
	last := a.complained.Load()
	if now-last < int64(complainEvery) || !a.complained.CompareAndSwap(last, now) {
		return
	}
	a.log.Warn("agent-check asked about a node that does not exist; compare agent-send with the nodes' names", "listener", a.Addr().String())
}

// question reads the node's name, up to the end of a line. Nothing asks about
// the whole.
func question(conn net.Conn) string {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	name := make([]byte, 0, maxQuestion)
	for len(name) < maxQuestion && !strings.Contains(string(name), "\n") {
		n, err := conn.Read(name[len(name):maxQuestion])
		name = name[:len(name)+n]
		if err != nil {
			break
		}
	}
	line, _, _ := strings.Cut(string(name), "\n")
	return strings.TrimSpace(line)
}
