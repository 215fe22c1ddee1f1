package syslog

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

func open(t testing.TB, address string, change func(*Options)) bridges.Destination {
	o := NewOptions()
	o.Address = address
	if change != nil {
		change(o)
	}
	require.Empty(t, o.Check(bridges.Setting{}))
	d, err := o.New(bridges.Setting{Name: "log", Exporter: "exporter1"})
	require.NoError(t, err)
	require.Len(t, d, 1)
	require.False(t, d[0].Acknowledged)
	require.Contains(t, d[0].Proof, "acknowledges nothing")
	t.Cleanup(func() { require.NoError(t, d[0].Deliverer.Close()) })
	return d[0]
}

func deliver(t testing.TB, d bridges.Destination, e bridges.Event) error {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return d.Deliverer.Deliver(ctx, e)
}

// receiver reads octet counting.
type receiver struct {
	listener net.Listener
	group    sync.WaitGroup

	mu       sync.Mutex
	messages []string
	conns    []net.Conn
	accepted int
}

func receive(t testing.TB, l net.Listener) *receiver {
	r := &receiver{listener: l}
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
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
		r.group.Wait()
	})
	return r
}

func (r *receiver) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for b := bufio.NewReader(c); ; {
		length, err := b.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, " "))
		if err != nil {
			return
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(b, text); err != nil {
			return
		}
		r.mu.Lock()
		r.messages = append(r.messages, string(text))
		r.mu.Unlock()
	}
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.messages)
}

func (r *receiver) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

func (r *receiver) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func eventually(t testing.TB, what func() bool) {
	t.Helper()
	require.Eventually(t, what, 30*time.Second, 2*time.Millisecond)
}

// TestClosedPeer: a receiver that ends its connections after each message gets
// every message that was said to be delivered.
func TestClosedPeer(t *testing.T) {
	t.Parallel()
	ca, other := fetchtest.NewCA(t), fetchtest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	for scheme, l := range map[string]net.Listener{
		"tcp": listen(t), "tls": tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{cert}}),
	} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			r := receive(t, l)
			address := scheme + "://" + l.Addr().String()
			trust := func(file string) func(*Options) {
				return func(o *Options) {
					if scheme == "tls" {
						o.TLS.CAFile = file
					}
				}
			}
			d := open(t, address, trust(ca.File))
			require.Equal(t, address, d.Name)
			for i := range 40 {
				require.NoError(t, deliver(t, d, raise(fmt.Sprint("id", i), "text")))
				eventually(t, func() bool { return r.count() == i+1 })
				if i >= 20 {
					r.cut()
				}
			}
			require.Equal(t, 20, r.connections())
			if scheme == "tls" {
				require.Error(t, deliver(t, open(t, address, trust(other.File)), raise("a", "")))
			}
			_ = l.Close()
			r.cut()
			err := deliver(t, d, raise("a", ""))
			require.Error(t, err)
			require.False(t, bridges.IsPermanent(err))
		})
	}
}

func TestDatagrams(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	d := open(t, "udp://"+c.LocalAddr().String(), nil)
	require.NoError(t, deliver(t, d, raise("a", strings.Repeat("é", 9000))))
	b := make([]byte, 65536)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Second)))
	n, _, err := c.ReadFrom(b)
	require.NoError(t, err)
	require.LessOrEqual(t, n, 2048)
	require.Greater(t, n, 2040)
	require.NotNil(t, message.FindSubmatch(b[:n]))
	require.NoError(t, c.Close())
	// The system tells that nobody listens, now or with the next.
	eventually(t, func() bool { return deliver(t, d, raise("a", "")) != nil })
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	r := receive(t, listen(t))
	beat := bridges.Event{Kind: bridges.Heartbeat, Time: at, Alarm: bridges.Alarm{Name: "heartbeat", Severity: bridges.Cleared}}
	address := "tcp://" + r.listener.Addr().String()
	require.NoError(t, deliver(t, open(t, address, nil), beat))
	eventually(t, func() bool { return r.count() == 1 })
}

func TestStuckPeer(t *testing.T) {
	t.Parallel()
	stuck := fetchtest.Raw(t, func(c net.Conn) {
		_ = c.(*net.TCPConn).SetReadBuffer(1024)
		<-t.Context().Done()
	})
	d := open(t, "tcp://"+stuck, func(o *Options) { o.Timeout, o.MaxBytes = 200*time.Millisecond, maxBytes })
	big := raise("a", strings.Repeat("x", maxBytes))
	eventually(t, func() bool { return deliver(t, d, big) != nil })
}
