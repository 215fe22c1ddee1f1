package dnsprobe

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// Options are the settings of one probe of this kind.
type Options struct {
	dial.Common `yaml:",inline"`

	// Query is the name asked about; the host of the provider's issuer by default.
	Query string `yaml:"query"`
	// Type is the type of record, such as A, AAAA, CNAME, MX, SRV, SOA or TXT.
	Type string `yaml:"type"`
	// Servers are HOST or HOST:PORT; those of the operating system by default.
	Servers []string `yaml:"servers"`
	// Quorum is how many servers must answer rightly; 0 means all of them.
	Quorum int `yaml:"quorum"`
	// Transport is UDP, TCP or TLS (RFC 7858).
	Transport string    `yaml:"transport"`
	TLS       fetch.TLS `yaml:"tls"`
	// Recursion asks the server to ask others (RFC 1035, 4.1.1).
	Recursion bool `yaml:"recursion"`

	// Rcode is the response code expected, such as NOERROR or NXDOMAIN.
	Rcode string `yaml:"rcode"`
	// Answers are records expected, as zone files write their data. Without any,
	// one record of Type is enough.
	Answers []string `yaml:"answers"`
	// Match is All, Any or Exact.
	Match string `yaml:"match"`
	// SameSerial demands that all servers have the same serial of the zone, for
	// type SOA; MaxSerialLag is by how much they may differ.
	SameSerial   bool `yaml:"same_serial"`
	MaxSerialLag int  `yaml:"max_serial_lag"`
	// Authenticated demands the AD bit of a validating resolver (RFC 4035,
	// 3.2.3), Authoritative the AA bit of a server of the zone.
	Authenticated bool `yaml:"authenticated"`
	Authoritative bool `yaml:"authoritative"`
}

// The choices of Options.Transport.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// The choices of Options.Match.
const (
	All   = "all"   // every record expected is there, others may be
	Any   = "any"   // one of the records expected is there
	Exact = "exact" // the records expected are there, and no others
)

// plan is what the settings come to.
type plan struct {
	*Options
	name    string // fully qualified
	qtype   uint16
	rcode   int
	answers []dns.RR
	servers []server // none: those of the operating system
}

type server struct {
	host, port string
	tls        *tls.Config
}

// maxServers is how many servers may be listed, maxSystem how many of the
// operating system's are asked: as many as resolvers use.
const (
	maxServers = 20
	maxSystem  = 3
)

// Check implements probes.Options.
func (o *Options) Check(s probes.Setting) []probes.Problem {
	_, c := o.compile(s)
	return c.Problems
}

// UsesNodes implements probes.NodeAware: names are the same for every node.
func (o *Options) UsesNodes(probes.Setting) bool { return false }

func (o *Options) compile(s probes.Setting) (*plan, *dial.Checker) {
	c := &dial.Checker{}
	o.Common.Check(c, s)
	pl := &plan{Options: o}
	pl.compileQuery(c, s.Provider)
	var ok bool
	if pl.qtype, ok = dns.StringToType[strings.ToUpper(o.Type)]; !ok {
		c.Wrong("type", "%q is not a type of record; write A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT for example", o.Type)
	}
	if pl.rcode, ok = dns.StringToRcode[strings.ToUpper(o.Rcode)]; !ok || pl.rcode > 15 {
		c.Wrong("rcode", "%q is not a response code; write NOERROR, NXDOMAIN, REFUSED or SERVFAIL", o.Rcode)
	}
	c.OneOf("transport", o.Transport, UDP, TCP, TLS)
	c.OneOf("match", o.Match, All, Any, Exact)
	pl.compileServers(c, s.Provider)
	pl.compileAnswers(c)
	pl.checkSerial(c)
	return pl, c
}

func (pl *plan) compileQuery(c *dial.Checker, p *probes.Provider) {
	name := pl.Query
	if name == "" {
		name, _ = dial.Issuers(p)
	}
	// International names are spelled in ASCII (RFC 5891); all else is left alone,
	// since DNS knows names that no host may have, such as _ldap._tcp.
	if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		if ascii, err := idna.Lookup.ToASCII(name); err == nil {
			name = ascii
		}
	}
	switch _, valid := dns.IsDomainName(name); {
	case name == "":
		c.Wrong("query", "missing; write the name to ask about")
	case strings.Contains(name, "://"):
		c.Wrong("query", "a URL stands here; write its host alone")
	// Zones for less than 256 addresses have a slash in their names (RFC 2317).
	case strings.ContainsAny(name, " \t\r\n:@") || strings.Contains(name, "/") && !strings.HasSuffix(strings.TrimSuffix(name, "."), ".arpa"):
		c.Wrong("query", "%q is not a name; write one such as login.example.com, without port, path and spaces", name)
	case !valid:
		c.Wrong("query", "%q is not a name that DNS could hold: 255 bytes at most, 63 between two dots, of which no two follow each other", name)
	}
	pl.name = dns.Fqdn(name)
}

func (pl *plan) compileServers(c *dial.Checker, p *probes.Provider) {
	if len(pl.Servers) == 0 {
		known := c.InRange("quorum", pl.Quorum, 0, maxSystem)
		found, err := systemServers() // which may change before the probe runs
		if err != nil {
			c.Doubtful("servers", "missing, and those of the operating system cannot be read: %v", err)
		} else if known && pl.Quorum > len(found) {
			c.Doubtful("quorum", "the operating system has only %d servers, all of which must answer rightly; use less, or list servers", len(found))
		}
		if pl.Transport == TLS {
			c.Wrong("servers", "missing; the operating system's servers are not known to do TLS")
		}
	}
	if len(pl.Servers) > maxServers {
		c.Wrong("servers", "%d servers; use at most %d", len(pl.Servers), maxServers)
	}
	if n := len(pl.Servers); n > 0 {
		c.InRange("quorum", pl.Quorum, 0, n)
	}
	port := "53"
	if pl.Transport == TLS {
		port = "853"
	} else if pl.TLS != (fetch.TLS{}) {
		c.Wrong("tls", "there is no TLS to set; use transport: tls")
	}
	for i, address := range pl.Servers {
		path := fmt.Sprintf("servers[%d]", i)
		if slices.Contains(pl.Servers[:i], address) {
			c.Wrong(path, "%s stands here twice; keep one", address)
		}
		host, at, err := dial.Split(address, port)
		if err != nil {
			c.Wrong(path, "%v", err)
		}
		s := server{host: host, port: at}
		if pl.Transport == TLS {
			if s.tls, err = dial.Config(dial.TLSSettings(pl.TLS, p, host), host); err != nil {
				c.Wrong("tls", "%v", err)
				return
			}
		}
		pl.servers = append(pl.servers, s)
	}
}

func (pl *plan) compileAnswers(c *dial.Checker) {
	if len(pl.Answers) > 0 && pl.rcode != dns.RcodeSuccess {
		c.Wrong("answers", "an answer with code %s has no records; drop one of them", pl.Rcode)
	}
	for i, text := range pl.Answers {
		path := fmt.Sprintf("answers[%d]", i)
		if strings.ContainsAny(text, "\r\n$") {
			c.Wrong(path, "write one record's data, in one line")
			continue
		}
		rr, err := dns.NewRR(fmt.Sprintf("%s 0 IN %s %s", pl.name, strings.ToUpper(pl.Type), absolute(pl.qtype, text)))
		if err != nil || rr == nil {
			c.Wrong(path, "%q is not the data of a record of type %s, as zone files write it", text, pl.Type)
			continue
		}
		pl.answers = append(pl.answers, rr)
	}
}

// absolute adds the dot that operators leave out at the end of the name that
// ends the data of some types.
func absolute(qtype uint16, text string) string {
	if slices.Contains([]uint16{dns.TypeCNAME, dns.TypeNS, dns.TypePTR, dns.TypeMX, dns.TypeSRV, dns.TypeDNAME}, qtype) {
		return dns.Fqdn(text)
	}
	return text
}

func (pl *plan) checkSerial(c *dial.Checker) {
	if pl.SameSerial && pl.qtype != dns.TypeSOA {
		c.Wrong("same_serial", "only type SOA has a serial; set type: SOA and query to the zone")
	}
	if pl.SameSerial && pl.rcode != dns.RcodeSuccess {
		c.Wrong("same_serial", "an answer with code %s has no serial; drop one of them", pl.Rcode)
	}
	if pl.SameSerial && len(pl.Servers) < 2 {
		c.Wrong("same_serial", "it takes two servers or more to agree; list them in servers")
	}
	if pl.MaxSerialLag != 0 && !pl.SameSerial {
		c.Wrong("max_serial_lag", "only same_serial looks at it; add that")
	}
	c.InRange("max_serial_lag", pl.MaxSerialLag, 0, 1<<30)
}
