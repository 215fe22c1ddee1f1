// Package discover finds the nodes of a provider, in DNS or in a file in
// Prometheus's file_sd format, and tells when they change.
//
// It owns where nodes come from and what is done when that place fails: the last
// known nodes stay. It runs no probe and knows nothing of the rest of the
// configuration.
package discover

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/idp-exporter/idp_exporter/probes"
)

// The defaults of Options.
const (
	DefaultDNSEvery  = 30 * time.Second
	DefaultFileEvery = 5 * time.Second
	DefaultKeep      = time.Hour
)

// MaxNodes bounds the nodes of one provider. A source that names more is refused
// as a whole: which of them to leave out would be chance.
const MaxNodes = 100

// minEvery is the shortest interval of DNS and File.
const minEvery = time.Second

// Options say where the nodes are found: either in DNS or in a file. They are
// the value of a provider's key `discover`.
type Options struct {
	DNS *DNS `yaml:"dns"`
	// File is a file in Prometheus's file_sd format, .json, .yml or .yaml. It is
	// to be replaced by renaming a new one over it, as for Prometheus.
	File string `yaml:"file"`
	// FileEvery is the interval at which the file is read; 0 means DefaultFileEvery.
	FileEvery time.Duration `yaml:"file_every"`
	// Keep is how long nodes stay while their source answers that there are none,
	// which is more often a mistake than meant; 0 means DefaultKeep. While the
	// source fails they stay for good.
	Keep time.Duration `yaml:"keep"`
}

// DNS says what to ask DNS for.
type DNS struct {
	// Name is the name to ask for; it is taken as absolute (RFC 1034, 3.1), without
	// the search list of the system.
	Name string `yaml:"name"`
	// Type is A (the default), AAAA or SRV.
	Type string `yaml:"type"`
	// Port is that of the nodes with A and AAAA; 0 means that of the public URL.
	Port int `yaml:"port"`
	// Every is the interval of the questions, whatever the answers' TTLs say; 0
	// means DefaultDNSEvery.
	Every time.Duration `yaml:"every"`
	// Server is the server to ask, HOST or HOST:PORT; empty means those of the
	// system (/etc/resolv.conf).
	Server string `yaml:"server"`
}

func (o Options) withDefaults() Options {
	if o.FileEvery == 0 {
		o.FileEvery = DefaultFileEvery
	}
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.DNS != nil {
		d := *o.DNS
		if d.Every == 0 {
			d.Every = DefaultDNSEvery
		}
		if d.Type == "" {
			d.Type = "A"
		}
		o.DNS = &d
	}
	return o
}

// Check reports everything that is wrong with the options, without touching the
// network or the file. Paths lead from the key `discover`.
func (o Options) Check() []probes.Problem {
	var found []probes.Problem
	wrong := func(path, format string, args ...any) {
		found = append(found, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	o = o.withDefaults()
	switch {
	case o.DNS == nil && o.File == "":
		wrong("", "say where the nodes are found; give dns: {name: nodes.login.example.com} or file: nodes.yml")
	case o.DNS != nil && o.File != "":
		wrong("file", "dns and file are both given; keep one, or make them two providers")
	case o.DNS != nil:
		o.DNS.check(wrong)
	default:
		if !slices.Contains(extensions(), strings.ToLower(filepath.Ext(o.File))) {
			wrong("file", "%q ends in none of %s, by which JSON and YAML are told apart", o.File, strings.Join(extensions(), ", "))
		}
		if o.FileEvery < minEvery {
			wrong("file_every", "%s is too often; use %s or more", o.FileEvery, minEvery)
		}
	}
	if o.Keep < 0 {
		wrong("keep", "%s is negative; a duration must not be", o.Keep)
	}
	return found
}

func (d DNS) check(wrong func(path, format string, args ...any)) {
	if labels, ok := dns.IsDomainName(d.Name); !ok || labels == 0 || !hostname(strings.TrimSuffix(d.Name, ".")) {
		wrong("dns.name", "%q is not a name in DNS; write one such as nodes.login.example.com", d.Name)
	}
	if _, ok := queryTypes[d.Type]; !ok {
		wrong("dns.type", "%q is not a type that names nodes; use A, AAAA or SRV", d.Type)
	}
	switch {
	case d.Port < 0 || d.Port > 65535:
		wrong("dns.port", "%d is not a port; use 1 to 65535, or leave it out for that of the public URL", d.Port)
	case d.Type == "SRV" && d.Port != 0:
		wrong("dns.port", "SRV records bring their ports; drop it")
	}
	if d.Every < minEvery {
		wrong("dns.every", "%s is too often; use %s or more", d.Every, minEvery)
	}
	if d.Server != "" && !validAddress(d.Server) {
		wrong("dns.server", "%q is not an address; write HOST, HOST:PORT or [IPV6]:PORT", d.Server)
	}
}

// errEmpty tells that a source answered that there are no nodes.
var errEmpty = errors.New("it names no node")
