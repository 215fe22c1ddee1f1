package balancer

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// look is how often a gate asks for its verdict.
const look = 250 * time.Millisecond

// gate is a TCP port that is open while the verdict passes and nothing is
// drained. Whoever connects is let go at once: that the port is open is the
// answer.
type gate struct {
	node, address string
	answer        func(node string) Answer
	log           *slog.Logger
	failed        bool // the last attempt to open the port, told once
}

func (g *gate) run(ctx context.Context) {
	var (
		open net.Listener
		done chan struct{}
	)
	shut := func() {
		if open != nil {
			_ = open.Close()
			<-done
			open = nil
		}
	}
	defer shut()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		switch a := g.answer(g.node); {
		case !a.passes():
			shut()
		case open == nil:
			if open = g.listen(ctx); open != nil {
				done = make(chan struct{})
				go greet(open, done)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (g *gate) listen(ctx context.Context) net.Listener {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", g.address)
	if err != nil && !g.failed {
		g.log.Error("the health port cannot be opened; it is tried again", "address", g.address, "err", err)
	}
	g.failed = err != nil
	if err != nil {
		return nil
	}
	return l
}

// greet accepts and lets go until the listener is closed.
func greet(l net.Listener, done chan<- struct{}) {
	defer close(done)
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			_ = conn.Close()
		case closed(err):
			return
		default:
			time.Sleep(look / 5) // out of descriptors, say
		}
	}
}
