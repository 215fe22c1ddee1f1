package audit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config Config
		path   string
		says   string
	}{
		"file":                {config: Config{File: &FileConfig{Path: "a"}}},
		"stdout":              {config: Config{Stdout: true}},
		"no path":             {Config{File: &FileConfig{}}, "file.path", "missing"},
		"negative size":       {Config{File: &FileConfig{Path: "a", MaxSizeMB: -1}}, "file.max_size_mb", "out of range"},
		"immense size":        {Config{File: &FileConfig{Path: "a", MaxSizeMB: 1 << 40}}, "file.max_size_mb", "out of range"},
		"negative keep":       {Config{File: &FileConfig{Path: "a", Keep: -1}}, "file.keep", "out of range"},
		"nothing":             {Config{}, "", "nothing is recorded"},
		"udp":                 {config: Config{Syslog: &SyslogConfig{Address: "udp://127.0.0.1"}}},
		"tls":                 {config: Config{Syslog: &SyslogConfig{Address: "tls://[::1]", CAFile: "ca.pem", Facility: "local7", AppName: "idp"}}},
		"tcp":                 {config: Config{Syslog: &SyslogConfig{Address: "tcp://log.example.com:601"}}},
		"tcp without port":    {Config{Syslog: &SyslogConfig{Address: "tcp://log.example.com"}}, "syslog.address", "no standard one"},
		"no address":          {Config{Syslog: &SyslogConfig{}}, "syslog.address", "write udp://"},
		"no transport":        {Config{Syslog: &SyslogConfig{Address: "relp://a:1"}}, "syslog.address", "is no transport"},
		"no host":             {Config{Syslog: &SyslogConfig{Address: "udp://:514"}}, "syslog.address", "host is missing"},
		"a password in it":    {Config{Syslog: &SyslogConfig{Address: "tls://u:p@a"}}, "syslog.address", "no receiver"},
		"CA without TLS":      {Config{Syslog: &SyslogConfig{Address: "udp://a", CAFile: "ca.pem"}}, "syslog.ca_file", "use tls://"},
		"unknown facility":    {Config{Syslog: &SyslogConfig{Address: "udp://a", Facility: "local8"}}, "syslog.facility", "local8"},
		"app name with space": {Config{Syslog: &SyslogConfig{Address: "udp://a", AppName: "a b"}}, "syslog.app_name", "48"},
		"app name too long":   {Config{Syslog: &SyslogConfig{Address: "udp://a", AppName: strings.Repeat("a", 49)}}, "syslog.app_name", "48"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := tt.config.Check()
			if tt.says == "" {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Equal(t, tt.path, problems[0].Path)
			require.Contains(t, problems[0].Message, tt.says)
			require.Equal(t, name == "nothing", problems[0].Warning)
		})
	}
}
