package eif

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

func open(t testing.TB, change func(*Options), servers ...string) bridges.Destination {
	o := NewOptions()
	o.Servers = servers
	if change != nil {
		change(o)
	}
	require.Empty(t, o.Check(bridges.Setting{}))
	d, err := o.New(bridges.Setting{Name: "tivoli", Exporter: "exporter1"})
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

func eventually(t testing.TB, what func() bool) {
	t.Helper()
	require.Eventually(t, what, 30*time.Second, 2*time.Millisecond)
}

func TestOneConnection(t *testing.T) {
	t.Parallel()
	r := receive(t, listen(t, "127.0.0.1:0"))
	d := open(t, nil, r.address())
	require.Equal(t, r.address(), d.Name)
	for i := range 200 {
		require.NoError(t, deliver(t, d, raise(fmt.Sprint("id", i), "text")))
	}
	eventually(t, func() bool { return len(r.all()) == 200 })
	require.Equal(t, "id199", r.all()[199].slots["alarm_id"])
	require.Equal(t, 1, r.connections())
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	r := receive(t, listen(t, "127.0.0.1:0"))
	beat := bridges.Event{Kind: bridges.Heartbeat, Time: at, Alarm: bridges.Alarm{Name: "heartbeat", Severity: bridges.Cleared}}
	require.NoError(t, deliver(t, open(t, nil, r.address()), beat))
	eventually(t, func() bool { return len(r.all()) == 1 })
	require.Equal(t, "IDP_Heartbeat", r.all()[0].class)
}

// TestClosedPeer: a receiver that ends its connections after each event, at
// whatever moment, gets every event that was said to be delivered.
func TestClosedPeer(t *testing.T) {
	t.Parallel()
	r := receive(t, listen(t, "127.0.0.1:0"))
	d := open(t, nil, r.address())
	for i := range 100 {
		require.NoError(t, deliver(t, d, raise(fmt.Sprint("id", i), "text")))
		eventually(t, func() bool { return len(r.all()) == i+1 })
		r.cut()
	}
	require.Len(t, r.all(), 100)
}

// TestFailover: the first server that takes an event gets it; the preferred one
// gets them again once it is back.
func TestFailover(t *testing.T) {
	t.Parallel()
	first, second := receive(t, listen(t, "127.0.0.1:0")), receive(t, listen(t, "127.0.0.1:0"))
	d := open(t, func(o *Options) { o.FailBack = time.Millisecond }, first.address(), second.address())
	require.NoError(t, deliver(t, d, raise("one", "")))
	eventually(t, func() bool { return len(first.all()) == 1 })
	first.stop()
	require.NoError(t, deliver(t, d, raise("two", "")))
	time.Sleep(2 * time.Millisecond) // it is due, and still away
	require.NoError(t, deliver(t, d, raise("three", "")))
	eventually(t, func() bool { return len(second.all()) == 2 })
	again := receive(t, listen(t, first.address()))
	time.Sleep(2 * time.Millisecond)
	require.NoError(t, deliver(t, d, raise("four", "")))
	eventually(t, func() bool { return len(again.all()) == 1 })
	again.stop()
	second.stop()
	err := deliver(t, d, raise("five", ""))
	require.ErrorContains(t, err, first.address())
	require.ErrorContains(t, err, second.address())
	require.False(t, bridges.IsPermanent(err))
}

// TestStuckPeer: a server that takes nothing is given up after the timeout, and
// the next one gets the event.
func TestStuckPeer(t *testing.T) {
	t.Parallel()
	var open1 atomic.Int64
	stuck := fetchtest.Raw(t, func(c net.Conn) {
		_ = c.(*net.TCPConn).SetReadBuffer(1024)
		open1.Add(1)
		<-t.Context().Done()
	})
	second := receive(t, listen(t, "127.0.0.1:0"))
	d := open(t, func(o *Options) { o.Timeout, o.MaxBytes = 300*time.Millisecond, maxBytes }, stuck, second.address())
	big := raise("big", string(make([]byte, maxBytes)))
	eventually(t, func() bool {
		require.NoError(t, deliver(t, d, big))
		return len(second.all()) > 0
	})
	require.Positive(t, open1.Load())
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	r := receive(t, listen(t, "127.0.0.1:0"))
	d := open(t, nil, r.address())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Deliverer.Deliver(ctx, raise("a", "")), context.Canceled)
	require.NoError(t, deliver(t, d, raise("a", "")))
}

func TestTLS(t *testing.T) {
	t.Parallel()
	ca, other := fetchtest.NewCA(t), fetchtest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	r := receive(t, tls.NewListener(listen(t, "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{cert}}))
	d := open(t, func(o *Options) { o.TLS = &fetch.TLS{CAFile: ca.File} }, r.address())
	for i := range 3 {
		require.NoError(t, deliver(t, d, raise(fmt.Sprint(i), "secret text")))
	}
	eventually(t, func() bool { return len(r.all()) == 3 })
	r.cut()
	require.NoError(t, deliver(t, d, raise("again", "")))
	eventually(t, func() bool { return len(r.all()) == 4 })
	require.Error(t, deliver(t, open(t, func(o *Options) { o.TLS = &fetch.TLS{CAFile: other.File} }, r.address()), raise("a", "")))
	require.Len(t, r.all(), 4)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for path, change := range map[string]func(*Options){
		"servers":         func(o *Options) { o.Servers = nil },
		"servers[1]":      func(o *Options) { o.Servers = []string{"a", "a:9998"} },
		"servers[0]":      func(o *Options) { o.Servers = []string{"http://a"} },
		"receiver":        func(o *Options) { o.Receiver = "netview" },
		"class":           func(o *Options) { o.Class = "A;B" },
		"heartbeat_class": func(o *Options) { o.HeartbeatClass = "" },
		"source":          func(o *Options) { o.Source = "it's" },
		"slots.msg":       func(o *Options) { o.Slots = map[string]string{"msg": "x"} },
		"slots":           func(o *Options) { o.Slots = map[string]string{"a": string(make([]byte, 500))} },
		"encoding":        func(o *Options) { o.Encoding = "ebcdic" },
		"max_bytes":       func(o *Options) { o.MaxBytes = 100 },
		"timeout":         func(o *Options) { o.Timeout = 0 },
		"tls":             func(o *Options) { o.TLS = &fetch.TLS{CAFile: "missing.pem"} },
	} {
		o := NewOptions()
		o.Servers = []string{"tivoli.example.com"}
		require.Empty(t, o.Check(bridges.Setting{}))
		change(o)
		problems := o.Check(bridges.Setting{})
		require.Len(t, problems, 1, path)
		require.Equal(t, path, problems[0].Path)
		_, err := o.New(bridges.Setting{})
		require.ErrorContains(t, err, path)
	}
	o := NewOptions()
	o.Receiver, o.Servers = "tec", []string{"a", "[::1]:99", "::1"}
	require.Empty(t, o.Check(bridges.Setting{}))
	require.Equal(t, []string{"a:5529", "[::1]:99", "[::1]:5529"}, o.addresses())
}
