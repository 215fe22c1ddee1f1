package audit

import (
	"fmt"

	syslogform "github.com/idp-exporter/idp_exporter/internal/syslog"
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
		e, err := syslogform.ParseEndpoint(s.Address)
		if err != nil {
			add("syslog.address", "%v", err)
		}
		if s.CAFile != "" && err == nil && e.Scheme != "tls" {
			add("syslog.ca_file", "has no use with %s://; use tls:// or leave it out", e.Scheme)
		}
		if _, err := syslogform.Facility(s.Facility); err != nil && s.Facility != "" {
			add("syslog.facility", "%v", err)
		}
		if s.AppName != "" && syslogform.Visible(s.AppName, syslogform.MaxApp) != s.AppName {
			add("syslog.app_name", "must be at most 48 visible ASCII characters without spaces (RFC 5424, section 6.2.5)")
		}
	}
	if c.File == nil && !c.Stdout && c.Syslog == nil {
		problems = append(problems, probes.Problem{Warning: true, Message: "nothing is recorded; set file, stdout or syslog"})
	}
	return problems
}
