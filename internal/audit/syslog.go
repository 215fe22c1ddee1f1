package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/oneway"
	syslogform "github.com/idp-exporter/idp_exporter/internal/syslog"
)

// maxGroup is about how many bytes are written at once.
const maxGroup = 64 << 10

const (
	dialTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
	firstPause   = time.Second
	longestPause = time.Minute
)

// syslog speaks to one receiver (RFC 5424), over UDP (RFC 5426), TCP with octet
// counting (RFC 6587, section 3.4.1) or TLS (RFC 5425). None of them
// acknowledges, so a line can be lost with a connection, or come twice.
type syslog struct {
	dial     func(ctx context.Context) (net.Conn, error)
	datagram bool
	facility int
	// origin is HOSTNAME, APP-NAME and PROCID.
	origin string
	relay  *relay

	conn   *oneway.Conn
	stop   func() bool // releases conn from the relay's context
	pause  time.Duration
	buffer []byte
}

// newSyslogRelay checks the settings and returns a relay that is not started.
// It does not connect.
func newSyslogRelay(c SyslogConfig) (*relay, error) {
	e, err := syslogform.ParseEndpoint(c.Address)
	if err != nil {
		return nil, fmt.Errorf("audit.syslog.address: %w", err)
	}
	name := c.Facility
	if name == "" {
		name = defaultFacility
	}
	facility, err := syslogform.Facility(name)
	if err != nil {
		return nil, fmt.Errorf("audit.syslog.facility: %w", err)
	}
	app := c.AppName
	if app == "" {
		app = defaultAppName
	}
	s := &syslog{datagram: e.Datagram(), facility: facility, origin: syslogform.Origin(app)}
	if s.dial, err = dialer(e, c.CAFile); err != nil {
		return nil, err
	}
	return s.newRelay(), nil
}

func (s *syslog) newRelay() *relay {
	s.relay = &relay{counters: counters{name: "syslog"}, send: s.send, end: s.disconnect}
	return s.relay
}

func dialer(e syslogform.Endpoint, caFile string) (func(context.Context) (net.Conn, error), error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("audit.syslog.ca_file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("audit.syslog.ca_file %s: no certificate in it; give a PEM file", caFile)
		}
	}
	d := &net.Dialer{Timeout: dialTimeout}
	return func(ctx context.Context) (net.Conn, error) { return e.Dial(ctx, d, conf) }, nil
}

// severity of an event; RFC 5424, section 6.2.1, table 2.
func severity(it item) int {
	const warning, notice, informational = 4, 5, 6
	switch {
	case it.event == EventRefusal || it.event == EventRecovered || it.outcome == OutcomeRefused || it.outcome == OutcomeFailed:
		return warning
	case it.event == EventAccess:
		return informational
	}
	return notice
}

// appendMessage appends a SYSLOG-MSG. The MSG is pure ASCII, so it needs no BOM
// (RFC 5424, section 6.4).
func (s *syslog) appendMessage(b []byte, it item) []byte {
	b = syslogform.Header{Facility: s.facility, Severity: severity(it), Time: it.at, Origin: s.origin, ID: it.event.String()}.Append(b)
	b = append(b, "- "...)
	return append(b, bytes.TrimSuffix(it.line, []byte("\n"))...)
}

// group fills the buffer with what is sent by one write and returns how many items that is.
func (s *syslog) group(items []item) int {
	s.buffer = s.buffer[:0]
	if s.datagram {
		s.buffer = s.appendMessage(s.buffer, items[0])
		return 1
	}
	var message []byte
	for i, it := range items {
		if len(s.buffer) >= maxGroup {
			return i
		}
		message = s.appendMessage(message[:0], it)
		s.buffer = syslogform.AppendCounted(s.buffer, message)
	}
	return len(items)
}

// send delivers items in order. A group that a stream did not take whole is
// sent again on the next connection; a datagram that failed is lost.
func (s *syslog) send(ctx context.Context, items []item) (lost int) {
	for len(items) > 0 {
		if err := s.connect(ctx); err != nil {
			return lost + len(items)
		}
		n := s.group(items)
		_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := s.conn.Write(s.buffer)
		if err != nil {
			s.failed()
			if !s.datagram {
				continue
			}
			lost += n
		} else {
			s.relay.failing.Store(false)
			s.pause = 0
		}
		items = items[n:]
	}
	return lost
}

func (s *syslog) failed() {
	s.relay.fails.Add(1)
	s.relay.failing.Store(true)
	s.disconnect()
	s.pause = min(max(2*s.pause, firstPause), longestPause)
}

// connect returns once there is a connection, or ctx has ended. After a failure
// it waits first, for twice as long each time.
func (s *syslog) connect(ctx context.Context) error {
	for s.conn == nil {
		if s.pause > 0 {
			timer := time.NewTimer(s.pause/2 + rand.N(s.pause/2)) //nolint:gosec // spreads reconnects, guards nothing
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		conn, err := s.dial(ctx)
		if err != nil {
			s.failed()
			continue
		}
		s.conn = oneway.Watch(conn)
		s.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	}
	return ctx.Err()
}

func (s *syslog) disconnect() {
	if s.conn == nil {
		return
	}
	s.stop()
	_ = s.conn.Close()
	s.conn = nil
}
