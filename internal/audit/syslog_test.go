package audit

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// receiver is a syslog server that keeps what it is sent.
type receiver struct {
	mu       sync.Mutex
	messages []string
	conns    []net.Conn
	listener net.Listener
	group    sync.WaitGroup
}

func (r *receiver) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.messages...)
}

// stream5425 serves octet counting until the end of the test, or stop.
func stream5425(t *testing.T, l net.Listener) *receiver {
	r := &receiver{listener: l}
	r.group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, conn)
			r.mu.Unlock()
			r.group.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	b := bufio.NewReader(conn)
	for {
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

func listen(t *testing.T, address string) net.Listener {
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	return l
}

// message is RFC 5424, section 6, as far as it is used here.
var message = regexp.MustCompile(`^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) (\d{1,128}) ([!-~]{1,32}) - (\{[ -~]*\})$`)

// trailOf checks the messages and returns the trail in them.
func trailOf(t *testing.T, messages []string) (trail string, heads [][]string) {
	t.Helper()
	var b strings.Builder
	for _, m := range messages {
		parts := message.FindStringSubmatch(m)
		require.NotNil(t, parts, "%q", m)
		b.WriteString(parts[7] + "\n")
		heads = append(heads, parts)
	}
	return b.String(), heads
}

func TestSyslogUDP(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	l := open(t, Options{Config: Config{Syslog: &SyslogConfig{Address: "udp://" + c.LocalAddr().String(), Facility: "local3", AppName: "acme-idp"}}})
	require.NoError(t, l.Admin(t.Context(), drain))
	refusal := scrape
	refusal.Event = EventRefusal
	l.Access(refusal)
	l.Access(scrape)
	require.NoError(t, l.Close())
	var messages []string
	buf := make([]byte, 65536)
	for range 5 {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
		n, _, err := c.ReadFrom(buf)
		require.NoError(t, err)
		messages = append(messages, string(buf[:n]))
	}
	trail, heads := trailOf(t, messages)
	r, err := Verify("syslog", strings.NewReader(trail), VerifyOptions{Runs: true})
	require.NoError(t, err)
	require.Equal(t, 5, r.Records)
	require.Empty(t, r.Problems)
	for i, want := range []struct{ pri, id string }{{"157", "start"}, {"157", "drain"}, {"156", "refusal"}, {"158", "access"}, {"157", "stop"}} {
		require.Equal(t, want.pri, heads[i][1]) // local3 is 19; 19*8 + notice, warning, informational
		require.Equal(t, "acme-idp", heads[i][4])
		require.Equal(t, want.id, heads[i][6])
	}
}

func TestSyslogTCPBesideFile(t *testing.T) {
	t.Parallel()
	r := stream5425(t, listen(t, "127.0.0.1:0"))
	o := options(t)
	o.Config.Syslog = &SyslogConfig{Address: "tcp://" + r.listener.Addr().String()}
	l := open(t, o)
	fill(t, l, 3000)
	require.NoError(t, l.Close())
	eventually(t, func() bool { return len(r.all()) == 3002 })
	trail, heads := trailOf(t, r.all())
	require.Equal(t, string(read(t, o.Config.File.Path)), trail)
	require.Equal(t, "idp_exporter", heads[0][4])
	require.Equal(t, SinkStats{Name: "syslog", Written: 3002}, l.Stats().Sinks[1])
}

func TestSyslogReconnects(t *testing.T) {
	t.Parallel()
	first := listen(t, "127.0.0.1:0")
	address := first.Addr().String()
	require.NoError(t, first.Close()) // nobody listens at first
	o := options(t)
	o.Config.Syslog = &SyslogConfig{Address: "tcp://" + address}
	l := open(t, o)
	require.NoError(t, l.Admin(t.Context(), drain), "the file does not wait for syslog")
	eventually(t, func() bool { s := l.Stats().Sinks[1]; return s.Failing && s.Errors > 0 })

	r := stream5425(t, listen(t, address))
	eventually(t, func() bool { return len(r.all()) == 2 }) // what waited
	r.cut()
	time.Sleep(50 * time.Millisecond) // the end of the connection arrives
	for range 20 {
		require.NoError(t, l.Admin(t.Context(), drain))
	}
	eventually(t, func() bool { return len(r.all()) == 22 })
	require.NoError(t, l.Close())
	eventually(t, func() bool { return len(r.all()) == 23 })
	trail, _ := trailOf(t, r.all())
	require.Equal(t, string(read(t, o.Config.File.Path)), trail)
}

func TestSyslogTLS(t *testing.T) {
	t.Parallel()
	cert, authority := certificate(t)
	r := stream5425(t, tls.NewListener(listen(t, "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{cert}}))
	o := options(t)
	o.Config.Syslog = &SyslogConfig{Address: "tls://" + r.listener.Addr().String(), CAFile: authority}
	l := open(t, o)
	fill(t, l, 300)
	require.NoError(t, l.Close())
	eventually(t, func() bool { return len(r.all()) == 302 })
	trail, _ := trailOf(t, r.all())
	require.Equal(t, string(read(t, o.Config.File.Path)), trail)

	_, other := certificate(t)
	o.Config.Syslog.CAFile = other
	l = open(t, o)
	require.NoError(t, l.Admin(t.Context(), drain))
	eventually(t, func() bool { return l.Stats().Sinks[1].Failing })
	require.NoError(t, l.Close())
	require.EqualValues(t, 3, l.Stats().Sinks[1].Dropped, "nothing goes to a receiver that is not trusted")
	require.Len(t, r.all(), 302)

	o.Config.Syslog.CAFile = o.Config.File.Path
	_, err := Open(o)
	require.ErrorContains(t, err, "no certificate in it")
}

// certificate makes one for 127.0.0.1 and writes it as an authority.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// TestSyslogBacksOff: while nobody answers, attempts become rare, what waits is
// bounded, and Close does not hang.
func TestSyslogBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		s := &syslog{origin: "- - -", dial: func(context.Context) (net.Conn, error) { dials.Add(1); return nil, errors.New("no answer") }}
		r := s.newRelay()
		r.start()
		it := item{event: EventAccess, line: make([]byte, 1000)}
		r.push([]item{it})
		time.Sleep(time.Hour)
		require.Greater(t, dials.Load(), int64(55), "about once a minute")
		require.Less(t, dials.Load(), int64(135))
		for range 20000 {
			r.push([]item{it})
		}
		require.EqualValues(t, 20000-relayBytes/1000, r.dropped.Load())
		began := time.Now()
		r.finish(farewell)
		require.LessOrEqual(t, time.Since(began), 2*farewell)
		require.EqualValues(t, 20001, r.dropped.Load())
		require.Zero(t, r.written.Load())
	})
}

// TestSyslogStuck: a receiver that reads nothing does not hold up Close.
func TestSyslogStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer func() { _ = there.Close() }()
		s := &syslog{origin: "- - -", dial: func(context.Context) (net.Conn, error) { return here, nil }}
		r := s.newRelay()
		r.start()
		r.push([]item{{event: EventAccess, line: []byte("{}\n")}})
		synctest.Wait()
		began := time.Now()
		r.finish(farewell)
		require.LessOrEqual(t, time.Since(began), 2*farewell)
		require.EqualValues(t, 1, r.dropped.Load())
	})
}
