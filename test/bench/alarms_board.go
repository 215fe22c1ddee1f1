package main

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"github.com/gosnmp/gosnmp"
)

// Where the variables of a notification stand.
const (
	atID, atSeverity, atTarget = 2, 4, 5
	// clearedNumber is the severity cleared in notifications.
	clearedNumber = 1
)

// board shows what a console that trusts each notification shows.
type board struct {
	address string
	// lossy is how many datagrams come for one that is lost.
	lossy int
	away  atomic.Bool
	conn  *net.UDPConn
	done  chan struct{}

	mu sync.Mutex
	// stands tells by target whether an alarm does.
	stands map[string]bool
}

func newBoard(ctx context.Context, lossy int) (*board, error) {
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	conn := c.(*net.UDPConn)
	b := &board{address: conn.LocalAddr().String(), lossy: lossy, conn: conn, done: make(chan struct{}), stands: map[string]bool{}}
	go b.read()
	return b, nil
}

func (b *board) read() {
	defer close(b.done)
	decoder := &gosnmp.GoSNMP{Version: gosnmp.Version2c}
	buffer := make([]byte, 1<<16)
	for i := 1; ; i++ {
		n, from, err := b.conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		if b.away.Load() || i%b.lossy == 0 {
			continue
		}
		packet, err := decoder.UnmarshalTrap(append([]byte(nil), buffer[:n]...), false)
		if err != nil || len(packet.Variables) <= atTarget {
			continue
		}
		b.note(packet.Variables)
		if answer := acknowledged(buffer[:n]); answer != nil {
			_, _ = b.conn.WriteToUDPAddrPort(answer, from) // who does not get it asks again
		}
	}
}

func (b *board) note(variables []gosnmp.SnmpPDU) {
	id, _ := variables[atID].Value.([]byte)
	target, _ := variables[atTarget].Value.([]byte)
	severity, _ := variables[atSeverity].Value.(int)
	if string(id) == "heartbeat" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stands[string(target)] = severity != clearedNumber
}

// wrong counts the alarms that stand and should not, and those that should and
// do not.
func (b *board) wrong(truth map[string]bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for target, stands := range truth {
		if b.stands[target] != stands {
			n++
		}
	}
	for target, stands := range b.stands {
		if _, known := truth[target]; stands && !known {
			n++
		}
	}
	return n
}

func (b *board) close() {
	_ = b.conn.Close()
	<-b.done
}
