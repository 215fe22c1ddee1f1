// Package eif is the kind of bridge `eif`: events of Tivoli's Event Integration
// Facility over TCP, for the EIF probe of Netcool/OMNIbus and for the Tivoli
// Enterprise Console.
//
// The protocol acknowledges nothing. What can be known is that the receiver's
// TCP has taken an event, and that is waited for.
package eif

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/internal/dial"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The ports that receivers listen on unless they are told otherwise.
const (
	portOMNIbus = "9998" // the EIF probe
	portTEC     = "5529" // the event server, without a portmapper
)

// Proof is what a delivery proves.
const Proof = "the receiver's TCP has taken it; EIF acknowledges nothing, so look for alarm_id in the console"

// Options are the settings of one bridge of this kind.
type Options struct {
	// Servers are receivers, as HOST or HOST:PORT, in order of preference: an
	// event goes to the first that takes it.
	Servers []string `yaml:"servers"`
	// Receiver is omnibus or tec; it decides the port where none is given.
	Receiver string `yaml:"receiver"`
	// Class is the class of alarms, HeartbeatClass that of heartbeats.
	Class          string `yaml:"class"`
	HeartbeatClass string `yaml:"heartbeat_class"`
	// Source is the value of the slot source, on which rules switch.
	Source string `yaml:"source"`
	// Slots are sent with every event, after all others.
	Slots map[string]string `yaml:"slots"`
	// Encoding is utf-8, or iso-8859-1 for receivers before EIF 3.7.
	Encoding string `yaml:"encoding"`
	// ExtraByte puts a space between header and class, where newer senders have
	// a byte of their own; some receivers count on it.
	ExtraByte bool `yaml:"extra_byte"`
	// MaxBytes bounds an event with its header.
	MaxBytes int `yaml:"max_bytes"`
	// Timeout is for one server: to connect, and to take an event.
	Timeout time.Duration `yaml:"timeout"`
	// FailBack is how long a less preferred server is used before the ones
	// before it are tried again.
	FailBack time.Duration `yaml:"fail_back"`
	// TLS is used if it is there.
	TLS *fetch.TLS `yaml:"tls"`
}

// Kind returns the kind `eif`.
func Kind() bridges.Kind {
	return bridges.Kind{
		Name:       "eif",
		Summary:    "Sends events to Netcool/OMNIbus (EIF probe) or Tivoli Enterprise Console.",
		NewOptions: func() bridges.Options { return NewOptions() },
	}
}

// NewOptions returns the kind's defaults.
func NewOptions() *Options {
	return &Options{Receiver: "omnibus", Class: "IDP_Alarm", HeartbeatClass: "IDP_Heartbeat", Source: "IDP_EXPORTER",
		Encoding: encodingUTF8, MaxBytes: 4096, Timeout: 10 * time.Second, FailBack: 5 * time.Minute}
}

// Bounds. With less than minBytes there is no room for the slots that rules need.
const (
	minBytes    = 1500
	maxBytes    = 64 << 10
	maxSource   = 32
	maxOwn      = 16
	maxOwnBytes = 200 // of all names and values
)

// Check implements bridges.Options.
func (o *Options) Check(bridges.Setting) []probes.Problem {
	var problems []probes.Problem
	add := func(path, format string, args ...any) {
		problems = append(problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if o.Receiver != "omnibus" && o.Receiver != "tec" {
		add("receiver", "%q is no receiver; write omnibus or tec", o.Receiver)
	}
	if len(o.Servers) == 0 {
		add("servers", "missing; name the receivers, such as [omnibus.example.com]")
	}
	addresses := o.addresses()
	for i, a := range addresses {
		at := fmt.Sprintf("servers[%d]", i)
		if _, err := dial.WithPort(o.Servers[i], o.port()); err != nil {
			add(at, "%v", err)
		} else if slices.Index(addresses, a) != i {
			add(at, "%s stands here twice", a)
		}
	}
	for _, c := range []struct{ path, class string }{{"class", o.Class}, {"heartbeat_class", o.HeartbeatClass}} {
		if !isName(c.class) {
			add(c.path, "%q cannot be a class; use a letter and then letters, digits and _", c.class)
		}
	}
	if o.Source == "" || len(o.Source) > maxSource || strings.IndexFunc(o.Source, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`;'"`, r) }) >= 0 {
		add("source", "must be 1 to %d characters of ASCII without quotes and semicolons", maxSource)
	}
	total := 0
	for name, value := range o.Slots {
		if !isName(name) || slices.Contains(slotNames, name) {
			add("slots."+name, "%q cannot be a slot of yours; use a letter and then letters, digits and _, and no name that is sent already", name)
		}
		total += len(name) + len(value)
	}
	if total > maxOwnBytes || len(o.Slots) > maxOwn {
		add("slots", "%d slots of %d bytes are too many; use at most %d and %d", len(o.Slots), total, maxOwn, maxOwnBytes)
	}
	if o.Encoding != encodingUTF8 && o.Encoding != encodingLatin1 {
		add("encoding", "%q is not known; write %s or %s", o.Encoding, encodingUTF8, encodingLatin1)
	}
	if o.MaxBytes < minBytes || o.MaxBytes > maxBytes {
		add("max_bytes", "%d is out of range; use %d to %d", o.MaxBytes, minBytes, maxBytes)
	}
	if o.Timeout < 100*time.Millisecond || o.Timeout > time.Minute {
		add("timeout", "%s is out of range; use 100ms to 1m", o.Timeout)
	}
	if o.TLS != nil {
		if _, err := dial.TLS(*o.TLS); err != nil {
			add("tls", "%v", err)
		}
	}
	return problems
}

func (o *Options) port() string {
	if o.Receiver == "tec" {
		return portTEC
	}
	return portOMNIbus
}

func (o *Options) addresses() []string {
	all := make([]string, len(o.Servers))
	for i, s := range o.Servers {
		all[i], _ = dial.WithPort(s, o.port())
	}
	return all
}

// New implements bridges.Options.
func (o *Options) New(s bridges.Setting) ([]bridges.Destination, error) {
	if problems := o.Check(s); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", problems[0].Path, problems[0].Message)
	}
	sender := &sender{options: *o, addresses: o.addresses(), format: newFormat(o, s)}
	dialer := &net.Dialer{Timeout: o.Timeout}
	sender.dial = func(ctx context.Context, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", address)
	}
	if o.TLS != nil {
		conf, err := dial.TLS(*o.TLS)
		if err != nil {
			return nil, err
		}
		secure := &tls.Dialer{NetDialer: dialer, Config: conf}
		sender.dial = func(ctx context.Context, address string) (net.Conn, error) {
			return secure.DialContext(ctx, "tcp", address)
		}
	}
	return []bridges.Destination{{
		Name: sender.addresses[0], Proof: Proof, Deliverer: sender,
	}}, nil
}
