// Package syslog is the kind of bridge `syslog`: alarms as messages of RFC
// 5424, over UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425).
//
// None of them acknowledges. What can be known of a stream is that the
// receiver's TCP has taken a message, and that is waited for.
package syslog

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/internal/dial"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/syslog"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The framings of messages on a stream.
const (
	framingOctets  = "octet-counting" // RFC 6587, section 3.4.1
	framingNewline = "newline"        // RFC 6587, section 3.4.2
)

// Options are the settings of one bridge of this kind.
type Options struct {
	// Address is udp://host[:514], tcp://host:port or tls://host[:6514].
	Address string `yaml:"address"`
	// Framing is octet-counting or newline; TLS takes only the former.
	Framing  string `yaml:"framing"`
	Facility string `yaml:"facility"`
	AppName  string `yaml:"app_name"`
	// Hostname replaces the host's own name.
	Hostname string `yaml:"hostname"`
	// EnterpriseNumber stands in the SD-ID; 0 takes the one of the base OID.
	EnterpriseNumber int `yaml:"enterprise_number"`
	// MaxBytes bounds a message; 0 is 2048 for UDP (RFC 5424, section 6.1) and
	// 8192 otherwise.
	MaxBytes int           `yaml:"max_bytes"`
	Timeout  time.Duration `yaml:"timeout"`
	TLS      fetch.TLS     `yaml:"tls"`
}

// Kind returns the kind `syslog`.
func Kind() bridges.Kind {
	return bridges.Kind{
		Name:       "syslog",
		Summary:    "Sends syslog messages (RFC 5424) over UDP, TCP or TLS.",
		NewOptions: func() bridges.Options { return NewOptions() },
	}
}

// NewOptions returns the kind's defaults.
func NewOptions() *Options {
	return &Options{Framing: framingOctets, Facility: "daemon", AppName: "idp_exporter", Timeout: 10 * time.Second}
}

// The sizes of messages, in bytes. Every receiver takes 480 (RFC 5424, section
// 6.1), but that has no room for an alarm.
const (
	minBytes      = 1024
	maxDatagram   = 65000
	maxBytes      = 256 << 10
	defaultUDP    = 2048
	defaultStream = 8192
)

// Check implements bridges.Options.
func (o *Options) Check(bridges.Setting) []probes.Problem {
	var problems []probes.Problem
	add := func(path, format string, args ...any) {
		problems = append(problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	e, err := syslog.ParseEndpoint(o.Address)
	if err != nil {
		add("address", "%v", err)
	}
	if o.Framing != framingOctets && o.Framing != framingNewline {
		add("framing", "%q is no framing; write %s or %s", o.Framing, framingOctets, framingNewline)
	} else if e.Scheme == "tls" && o.Framing != framingOctets {
		add("framing", "TLS has octet counting only (RFC 5425, section 4.3); leave framing out")
	}
	if _, err := syslog.Facility(o.Facility); err != nil {
		add("facility", "%v", err)
	}
	if syslog.Visible(o.AppName, syslog.MaxApp) != o.AppName {
		add("app_name", "must be 1 to %d visible ASCII characters without spaces (RFC 5424, section 6.2.5)", syslog.MaxApp)
	}
	if o.Hostname != "" && syslog.Visible(o.Hostname, syslog.MaxHost) != o.Hostname {
		add("hostname", "must be at most %d visible ASCII characters without spaces (RFC 5424, section 6.2.4)", syslog.MaxHost)
	}
	if o.EnterpriseNumber < 0 || o.EnterpriseNumber > 1<<31-1 {
		add("enterprise_number", "%d is no private enterprise number", o.EnterpriseNumber)
	}
	if most := o.most(e); o.MaxBytes != 0 && (o.MaxBytes < minBytes || o.MaxBytes > most) {
		add("max_bytes", "%d is out of range; use %d to %d", o.MaxBytes, minBytes, most)
	}
	if o.Timeout < 100*time.Millisecond || o.Timeout > time.Minute {
		add("timeout", "%s is out of range; use 100ms to 1m", o.Timeout)
	}
	if o.TLS != (fetch.TLS{}) && err == nil && e.Scheme != "tls" {
		add("tls", "has no use with %s://; use tls:// or leave it out", e.Scheme)
	} else if _, err := dial.TLS(o.TLS); err != nil {
		add("tls", "%v", err)
	}
	return problems
}

func (o *Options) most(e syslog.Endpoint) int {
	if e.Datagram() {
		return maxDatagram
	}
	return maxBytes
}

// enterprises is the arc below which private enterprises have their numbers.
const enterprises = "1.3.6.1.4.1."

// number returns the enterprise number of the SD-ID.
func (o *Options) number(s bridges.Setting) int {
	if o.EnterpriseNumber != 0 {
		return o.EnterpriseNumber
	}
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(s.BaseOID, "."), enterprises); ok {
		own, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.ParseUint(own, 10, 31); err == nil {
			return int(n)
		}
	}
	return 32473 // for documentation (RFC 5612)
}

// New implements bridges.Options.
func (o *Options) New(s bridges.Setting) ([]bridges.Destination, error) {
	if problems := o.Check(s); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Path, problems[0].Message)
	}
	e, err := syslog.ParseEndpoint(o.Address)
	if err != nil {
		return nil, err
	}
	conf, err := dial.TLS(o.TLS)
	if err != nil {
		return nil, err
	}
	sender := &sender{options: *o, format: newFormat(o, e, s), datagram: e.Datagram(), dial: dialer(e, conf, o.Timeout)}
	proof := "the receiver's TCP has taken it; syslog acknowledges nothing, so look for the id in the log"
	if e.Datagram() {
		proof = "it was sent; UDP acknowledges nothing, so look for the id in the log"
	}
	return []bridges.Destination{{Name: e.String(), Proof: proof, Deliverer: sender}}, nil
}

func dialer(e syslog.Endpoint, conf *tls.Config, timeout time.Duration) func(context.Context) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout}
	return func(ctx context.Context) (net.Conn, error) { return e.Dial(ctx, d, conf) }
}
