package audit

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Config is the audit section of the configuration file.
type Config struct {
	// File is the sink that admin actions wait for; nil for none.
	File *FileConfig `yaml:"file"`
	// Stdout writes the lines to standard output.
	Stdout bool `yaml:"stdout"`
	// Syslog sends the lines to a syslog receiver; nil for none.
	Syslog *SyslogConfig `yaml:"syslog"`
}

// FileConfig describes the file and its rotation. At most (Keep+1) times
// MaxSizeMB are on disk.
type FileConfig struct {
	// Path is the file that is written to; rotated ones stand beside it.
	Path string `yaml:"path"`
	// MaxSizeMB is the size in MiB at which the file is rotated; 0 means 64.
	MaxSizeMB int `yaml:"max_size_mb"`
	// Keep is the number of rotated files kept; 0 means 10.
	Keep int `yaml:"keep"`
}

// SyslogConfig describes a syslog receiver (RFC 5424).
type SyslogConfig struct {
	// Address is udp://host[:514] (RFC 5426), tcp://host:port (octet counting,
	// RFC 6587, section 3.4.1) or tls://host[:6514] (RFC 5425).
	Address string `yaml:"address"`
	// CAFile is a PEM bundle that replaces the system's authorities.
	CAFile string `yaml:"ca_file"`
	// Facility is the facility's name; empty means authpriv.
	Facility string `yaml:"facility"`
	// AppName is the APP-NAME; empty means idp_exporter.
	AppName string `yaml:"app_name"`
}

const (
	defaultSizeMB   = 64
	maxSizeMB       = 16 << 10
	defaultKeep     = 10
	maxKeep         = 10000
	defaultFacility = "authpriv"
	defaultAppName  = "idp_exporter"
)

// facilities by name; RFC 5424, section 6.2.1, table 1.
var facilities = map[string]int{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
	"authpriv": 10, "ftp": 11, "ntp": 12, "audit": 13, "alert": 14, "clock": 15,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

// Check reports everything that is wrong with the section. Paths start below
// "audit". It touches neither disk nor network.
func (c *Config) Check() []probes.Problem {
	var problems []probes.Problem
	add := func(path, format string, args ...any) {
		problems = append(problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if f := c.File; f != nil {
		if f.Path == "" {
			add("file.path", "missing; name the file, such as /var/lib/idp_exporter/audit.jsonl")
		}
		if f.MaxSizeMB < 0 || f.MaxSizeMB > maxSizeMB {
			add("file.max_size_mb", "%d is out of range; give 1 to %d MiB", f.MaxSizeMB, maxSizeMB)
		}
		if f.Keep < 0 || f.Keep > maxKeep {
			add("file.keep", "%d is out of range; give 1 to %d files", f.Keep, maxKeep)
		}
	}
	if s := c.Syslog; s != nil {
		e, err := parseEndpoint(s.Address)
		if err != nil {
			add("syslog.address", "%v", err)
		}
		if s.CAFile != "" && err == nil && e.scheme != "tls" {
			add("syslog.ca_file", "has no use with %s://; use tls:// or leave it out", e.scheme)
		}
		if _, ok := facilities[s.Facility]; !ok && s.Facility != "" {
			add("syslog.facility", "%.40q is no facility; write one such as authpriv, audit or local0", s.Facility)
		}
		if len(s.AppName) > 48 || strings.IndexFunc(s.AppName, notVisible) >= 0 {
			add("syslog.app_name", "must be at most 48 visible ASCII characters without spaces (RFC 5424, section 6.2.5)")
		}
	}
	if c.File == nil && !c.Stdout && c.Syslog == nil {
		problems = append(problems, probes.Problem{Warning: true, Message: "nothing is recorded; set file, stdout or syslog"})
	}
	return problems
}

// notVisible tells characters outside PRINTUSASCII (RFC 5424, section 6).
func notVisible(r rune) bool { return r < '!' || r > '~' }

// endpoint is where a syslog receiver listens.
type endpoint struct{ scheme, host, port string }

func parseEndpoint(address string) (endpoint, error) {
	const form = "write udp://host:514, tcp://host:port or tls://host:6514"
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, fmt.Errorf("%.80q is no receiver; %s", address, form)
	}
	e := endpoint{u.Scheme, u.Hostname(), u.Port()}
	switch {
	case e.scheme != "udp" && e.scheme != "tcp" && e.scheme != "tls":
		return endpoint{}, fmt.Errorf("%.20q is no transport; %s", e.scheme, form)
	case e.host == "":
		return endpoint{}, fmt.Errorf("the host is missing; %s", form)
	case e.port != "":
	case e.scheme == "udp":
		e.port = "514" // RFC 5426, section 3.3
	case e.scheme == "tls":
		e.port = "6514" // RFC 5425, section 4.1
	default:
		return endpoint{}, fmt.Errorf("the port is missing: tcp:// has no standard one (RFC 6587, section 3.1); %s", form)
	}
	return e, nil
}

func (e endpoint) address() string { return net.JoinHostPort(e.host, e.port) }
