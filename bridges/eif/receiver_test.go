package eif

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// received is an event as a receiver reads it.
type received struct {
	class string
	names []string
	slots map[string]string
}

var errForm = errors.New("not an event")

// read reads one event from a stream, strictly: every byte has its place. The
// body may begin at once or, as newer senders have it, after one more byte.
func read(r *bufio.Reader) (received, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return received{}, err
	}
	if string(header[:8]) != start || !bytes.Equal(header[8:28], make([]byte, 20)) {
		return received{}, fmt.Errorf("%w: header % x", errForm, header)
	}
	length, second := binary.BigEndian.Uint32(header[28:]), binary.BigEndian.Uint32(header[32:])
	if length > 1<<20 || length < uint32(len(end)) || second != uint32(headerSize) && second != length {
		return received{}, fmt.Errorf("%w: lengths %d and %d", errForm, length, second)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return received{}, err
	}
	return parse(string(body))
}

func parse(body string) (received, error) {
	rest, ok := strings.CutSuffix(body, ";"+end)
	if !ok || strings.ContainsAny(rest, "\n\x01") || strings.Contains(rest, ";END") {
		return received{}, fmt.Errorf("%w: end of %q", errForm, body)
	}
	if rest != "" && !isLetter(rune(rest[0])) {
		rest = rest[1:]
	}
	e := received{slots: map[string]string{}}
	e.class, rest, _ = strings.Cut(rest, ";")
	if !isName(e.class) {
		return received{}, fmt.Errorf("%w: class %q", errForm, e.class)
	}
	for rest != "" {
		name, value, ok := strings.Cut(rest, "=")
		if !ok || !isName(name) {
			return received{}, fmt.Errorf("%w: slot at %q", errForm, rest)
		}
		if _, twice := e.slots[name]; twice {
			return received{}, fmt.Errorf("%w: %s twice", errForm, name)
		}
		if quoted, is := strings.CutPrefix(value, "'"); is {
			value, rest, ok = strings.Cut(quoted, "'")
			if !ok || rest != "" && rest[0] != ';' {
				return received{}, fmt.Errorf("%w: quotes of %s", errForm, name)
			}
			rest = strings.TrimPrefix(rest, ";")
		} else {
			value, rest, _ = strings.Cut(value, ";")
			if strings.ContainsAny(value, " '=") || value == "" {
				return received{}, fmt.Errorf("%w: %s needs quotes", errForm, name)
			}
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == ';' || r == '\'' }) {
			return received{}, fmt.Errorf("%w: value of %s: %q", errForm, name, value)
		}
		e.names = append(e.names, name)
		e.slots[name] = value
	}
	return e, nil
}

// receiver is an EIF server that keeps what it is sent.
type receiver struct {
	t        testing.TB
	listener net.Listener
	group    sync.WaitGroup

	mu       sync.Mutex
	events   []received
	conns    []net.Conn
	accepted int
}

func receive(t testing.TB, l net.Listener) *receiver {
	r := &receiver{t: t, listener: l}
	r.group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, c)
			r.accepted++
			r.mu.Unlock()
			r.group.Go(func() { r.serve(c) })
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for b := bufio.NewReader(c); ; {
		e, err := read(b)
		if errors.Is(err, errForm) {
			r.t.Error(err)
		}
		if err != nil {
			return
		}
		r.mu.Lock()
		r.events = append(r.events, e)
		r.mu.Unlock()
	}
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.events...)
}

func (r *receiver) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// cut ends the connections.
func (r *receiver) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

func (r *receiver) stop() {
	_ = r.listener.Close()
	r.cut()
	r.group.Wait()
}

func (r *receiver) address() string { return r.listener.Addr().String() }

func listen(t testing.TB, address string) net.Listener {
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	return l
}

// FuzzRead: foreign bytes never break the receiver that the other tests trust.
func FuzzRead(f *testing.F) {
	f.Add(wrap([]byte("A;b=c;" + end)))
	f.Add(wrap([]byte(" A;b='c d';" + end)))
	f.Add([]byte(start))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := read(bufio.NewReader(bytes.NewReader(b)))
		if err == nil && !isName(e.class) {
			t.Fatal(e)
		}
	})
}
