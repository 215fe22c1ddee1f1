package agent

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	defaultSize = 1400
	// minSize is what every entity takes (RFC 3417, section 3.2).
	minSize, maxSize = 484, 65507
	defaultRate      = 1000
)

// Config are the settings of the agent.
type Config struct {
	// Listen is the address of the UDP socket, such as 127.0.0.1:1161.
	Listen string `yaml:"listen"`
	// Community is what those who ask have to know.
	Community secret.Secret `yaml:"community"`
	// Networks are those that may ask; without any, the loopback alone.
	Networks []string `yaml:"networks"`
	// MaxSize bounds an answer, in bytes: 1400 if not given, at least 484.
	MaxSize int `yaml:"max_size"`
	// MaxRate bounds the answers a second: 1000 if not given.
	MaxRate int `yaml:"max_rate"`
}

// Check reports everything that is wrong with the settings.
func (c Config) Check() []probes.Problem {
	var found []probes.Problem
	add := func(path, message string, warning bool) {
		found = append(found, probes.Problem{Path: path, Message: message, Warning: warning})
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		add("listen", "write HOST:PORT, such as 127.0.0.1:1161", false)
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		add("listen", "the port is a number from 1 to 65535", false)
	}
	if !c.Community.IsSet() {
		add("community", "the agent answers who knows its community; set community_file", false)
	} else if v, err := c.Community.Value(); err == nil && v == "" {
		add("community", "an empty community protects nothing", false)
	} else if err == nil && (v == "public" || v == "private") {
		add("community", "everybody knows this community; choose another", true)
	}
	if _, err := c.networks(); err != nil {
		add("networks", err.Error()+"; write networks such as 192.0.2.0/24, or single addresses", false)
	}
	if c.MaxSize != 0 && (c.MaxSize < minSize || c.MaxSize > maxSize) {
		add("max_size", "out of range; choose 484 to 65507 bytes", false)
	}
	if c.MaxRate < 0 || c.MaxRate > 1_000_000 {
		add("max_rate", "out of range; choose 1 to 1000000 answers a second", false)
	}
	return found
}

func (c Config) networks() ([]netip.Prefix, error) {
	if len(c.Networks) == 0 {
		return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, nil
	}
	out := make([]netip.Prefix, len(c.Networks))
	for i, n := range c.Networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			a, single := netip.ParseAddr(n)
			if single != nil {
				return nil, err
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out[i] = p.Masked()
	}
	return out, nil
}
