package balancer

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

const (
	// patience is how long a balancer may take to send a node's name, if it
	// sends one (agent-send). It outlasts the repetition of a packet that was
	// lost. HAProxy waits for an answer as long as `timeout check` or, without
	// it, agent-inter; both have to be longer.
	patience = time.Second
	// lastLook is for what has arrived while this process did not run: a read
	// whose deadline has passed fails even where there is something to read.
	lastLook = 50 * time.Millisecond
	// heldUp is how late the end of the wait may be noticed for silence to mean
	// anything.
	heldUp = 100 * time.Millisecond

	maxQuestion = 256      // bytes
	maxUnread   = 64 << 10 // bytes that are read and dropped
)

var (
	errUnfinished = errors.New(`agent-check was sent a name without the end of its line and gave no answer; write agent-send "NAME\n"`)
	errHeldUp     = errors.New("agent-check was held up while it waited for a node's name and gave no answer; has the machine too little CPU?")
)

// question reads the node's name, which ends with its line or with the
// connection. Nothing asks about the whole. An error is for a question that
// cannot be known: what has arrived may be the beginning of another name, and
// one that is under way must not be answered as if there were none.
func question(conn net.Conn) (string, error) {
	begin := time.Now()
	_ = conn.SetReadDeadline(begin.Add(patience))
	asked := make([]byte, 0, maxQuestion)
	for looked := false; ; {
		n, err := conn.Read(asked[len(asked):maxQuestion])
		asked = asked[:len(asked)+n]
		if line, _, whole := bytes.Cut(asked, []byte("\n")); whole || errors.Is(err, io.EOF) {
			return string(bytes.TrimSpace(line)), nil
		}
		switch {
		case len(asked) == maxQuestion:
			return "", errUnfinished
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return "", err
		case !looked:
			looked = true
			_ = conn.SetReadDeadline(time.Now().Add(lastLook))
		case len(asked) > 0:
			return "", errUnfinished
		case time.Since(begin) > patience+lastLook+heldUp:
			return "", errHeldUp
		default:
			return "", nil
		}
	}
}

// leave closes the connection once the balancer has, or a while later. A
// question that nobody has read would turn the end into a reset, which can take
// the answer with it.
func leave(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, io.LimitReader(conn, maxUnread))
	_ = conn.Close()
}
