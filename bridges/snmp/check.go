package snmp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// checker collects problems below a path.
type checker struct {
	path     string
	problems *[]probes.Problem
}

func (c checker) at(path string) checker { return checker{c.path + "." + path, c.problems} }

func (c checker) wrong(key, format string, args ...any) { c.add(key, false, format, args) }

func (c checker) doubtful(key, format string, args ...any) { c.add(key, true, format, args) }

func (c checker) add(key string, warning bool, format string, args []any) {
	path := strings.Trim(c.path+"."+key, ".")
	*c.problems = append(*c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...), Warning: warning})
}

// Check reports everything that is wrong with the settings.
func (o *Options) Check(s bridges.Setting) []probes.Problem {
	var found []probes.Problem
	c := checker{"", &found}
	model, err := mib.New(s.BaseOID)
	if err != nil {
		c.wrong("", "base_oid: %v", err)
	} else if model.Documentation() {
		c.doubtful("", "notifications carry the enterprise number 32473, which is for documentation alone; set snmp.base_oid to 1.3.6.1.4.1.YOUR-NUMBER.1")
	}
	if len(o.Destinations) == 0 {
		c.wrong("destinations", "no receiver is named; write a list of them, each with an address")
	}
	names := make(map[string]bool)
	for i, d := range o.Destinations {
		at := checker{fmt.Sprintf("destinations[%d]", i), &found}
		before := len(found)
		d = d.check(at, s)
		if names[d.Name] {
			at.wrong("name", "%q is the name of another destination too; give each its own", d.Name)
		}
		names[d.Name] = true
		if err != nil || slices.ContainsFunc(found[before:], func(p probes.Problem) bool { return !p.Warning }) {
			continue
		}
		if least, err := leastSize(d, model); err != nil {
			at.wrong("", "%v", err)
		} else if least > d.MaxSize {
			at.wrong("max_size", "%d bytes do not hold a notification with these settings; allow at least %d", d.MaxSize, least)
		}
	}
	return found
}

func (d Destination) check(c checker, s bridges.Setting) Destination {
	given := d
	d, err := d.settled()
	if err != nil {
		c.wrong("address", "%v", err)
	}
	switch d.Version {
	case v1, v2c:
		checkCommunity(c, d.Community)
		if given.V3.given() {
			c.wrong("v3", "version %s has no users; drop v3, or write version: v3", d.Version)
		}
	case v3:
		if given.Community.IsSet() {
			c.wrong("community", "version v3 has users and no community; drop it")
		}
		d.V3.check(c.at("v3"))
		if !d.Inform && s.Storage == "" {
			c.doubtful("version", "without storage, v3 traps come from another engine ID after each start, which receivers do not know; set storage, or inform: true")
		}
	default:
		c.wrong("version", "%q is not known; choose one of v1, v2c, v3", d.Version)
	}
	if d.Version == v1 && d.Inform {
		c.wrong("inform", "version v1 has no informs; write version: v2c or v3")
	}
	if d.Timeout < 100*time.Millisecond || d.Timeout > time.Minute {
		c.wrong("timeout", "%v is out of range; choose 100ms to 1m", d.Timeout)
	}
	if *d.Retries < 0 || *d.Retries > 10 {
		c.wrong("retries", "%d is out of range; choose 0 to 10", *d.Retries)
	}
	if d.MaxSize < minSize || d.MaxSize > maxSize {
		c.wrong("max_size", "%d is out of range; choose %d to %d bytes", d.MaxSize, minSize, maxSize)
	}
	return d
}

// maxCommunity is what fits the short form of a length in BER.
const maxCommunity = 127

func checkCommunity(c checker, s secret.Secret) {
	if community, err := s.Value(); err == nil && (community == "" || len(community) > maxCommunity) {
		c.wrong("community", "a community has 1 to %d bytes", maxCommunity)
	}
}

// given tells whether anything is set.
func (v V3) given() bool {
	return v.AuthPassword.IsSet() || v.PrivPassword.IsSet() ||
		v.User+v.AuthProtocol+v.PrivProtocol+v.Context+v.SecurityLevel != ""
}

func (v V3) check(c checker) {
	if v.User == "" || len(v.User) > 32 {
		c.wrong("user", "a user's name has 1 to 32 bytes (RFC 3414)")
	}
	if len(v.Context) > 32 {
		c.wrong("context", "a context's name has at most 32 bytes")
	}
	if _, ok := levels[v.SecurityLevel]; !ok {
		c.wrong("security_level", "%q is not known; choose one of %s, %s, %s", v.SecurityLevel, noAuth, authOnly, authPriv)
		return
	}
	if _, ok := authProtocols[v.AuthProtocol]; !ok {
		c.wrong("auth_protocol", "%q is not known; choose one of %s", v.AuthProtocol, choices(authProtocols))
	}
	if _, ok := privProtocols[v.PrivProtocol]; !ok {
		c.wrong("priv_protocol", "%q is not known; choose one of %s", v.PrivProtocol, choices(privProtocols))
	}
	v.checkPasswords(c)
}

func (v V3) checkPasswords(c checker) {
	if v.SecurityLevel != noAuth {
		checkPassword(c, "auth_password", v.AuthPassword, v.SecurityLevel)
		if v.AuthProtocol == "MD5" {
			c.doubtful("auth_protocol", "MD5 is weak; prefer SHA256 where the receiver has it")
		}
	}
	if v.SecurityLevel == authPriv {
		checkPassword(c, "priv_password", v.PrivPassword, v.SecurityLevel)
		if v.PrivProtocol == "DES" {
			c.doubtful("priv_protocol", "DES is broken; prefer AES where the receiver has it")
		}
	}
}

func checkPassword(c checker, key string, s secret.Secret, level string) {
	if !s.IsSet() {
		c.wrong(key, "security level %s needs it; set %s_file", level, key)
		return
	}
	if password, err := s.Value(); err == nil && len(password) < 8 {
		c.wrong(key, "a password has at least 8 bytes (RFC 3414, section 11.2)")
	}
}

func choices[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
