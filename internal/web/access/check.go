package access

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	// maxBcryptCost keeps one comparison below about a second.
	maxBcryptCost = 14
	// bcryptLength is the length of a bcrypt hash in characters.
	bcryptLength = 60
	// soon is how long before the end of a key Check warns of it.
	soon = 14 * 24 * time.Hour
)

// checker collects problems.
type checker struct {
	problems []probes.Problem
	now      time.Time
	tokens   map[digest]string // whose each hash is
}

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) warn(path, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...), Warning: true})
}

// Check reports everything that is wrong with the section, and warns of keys
// that have expired or will within 14 days. Paths start below "access". No
// message quotes a hash.
func (c *Config) Check() []probes.Problem { return c.check(time.Now()) }

func (c *Config) check(now time.Time) []probes.Problem {
	k := &checker{now: now, tokens: make(map[digest]string)}
	names := make(map[string]bool)
	for i, t := range c.Tokens {
		at := fmt.Sprintf("tokens[%d]", i)
		k.name(at, t.Name, "tokens", names)
		k.hashes(at, t.Name, t.Hash, t.Hashes, false)
		k.bounds(at, t.Bounds, t.Hashes)
		k.scopes(at, t.Scopes)
	}
	names = make(map[string]bool)
	for i, u := range c.Users {
		at := fmt.Sprintf("users[%d]", i)
		k.name(at, u.Name, "users", names)
		if strings.Contains(u.Name, ":") {
			k.add(at+".name", "a Basic user name cannot hold a colon (RFC 7617, section 2)")
		}
		k.hashes(at, u.Name, u.Hash, u.Hashes, true)
		k.bounds(at, u.Bounds, u.Hashes)
		k.scopes(at, u.Scopes)
	}
	names = make(map[string]bool)
	for i, cl := range c.Clients {
		at := fmt.Sprintf("clients[%d]", i)
		k.name(at, cl.Name, "clients", names)
		if _, err := parseSAN(cl.SAN); err != nil {
			k.add(at+".san", "%v", err)
		}
		k.bounds(at, cl.Bounds, nil)
		k.scopes(at, cl.Scopes)
	}
	k.section(c)
	if len(c.Tokens)+len(c.Users)+len(c.Clients) == 0 {
		k.warn("tokens", "there is no credential, so nobody can ask for /metrics; add one with `idp_exporter token create`")
	}
	return k.problems
}

func (c *checker) name(at, name, list string, seen map[string]bool) {
	switch {
	case name == "":
		c.add(at+".name", "missing; give a name that tells whose it is")
	case seen[name]:
		c.add(at+".name", "%q stands twice in %s; name each after whoever uses it, or put the live hashes of one into a `hashes` list", name, list)
	}
	seen[name] = true
}

func (c *checker) scopes(at string, scopes []string) {
	if len(scopes) == 0 {
		c.add(at+".scopes", "missing; say what it may ask for, such as [metrics]")
	}
	for i, s := range scopes {
		if _, err := parseScope(s); err != nil {
			c.add(fmt.Sprintf("%s.scopes[%d]", at, i), "%v", err)
		}
	}
}

func (c *checker) hashes(at, name, hash string, hashes []Hash, user bool) {
	if hash == "" && len(hashes) == 0 {
		c.add(at+".hash", "missing; make one with `idp_exporter token create`")
	}
	if hash != "" {
		c.hash(at+".hash", name, hash, user)
	}
	for i, h := range hashes {
		c.hash(fmt.Sprintf("%s.hashes[%d]", at, i), name, h.Hash, user)
	}
}

func (c *checker) hash(at, name, hash string, user bool) {
	if strings.HasPrefix(hash, hashPrefix) {
		d, err := parseDigest(hash)
		if err != nil {
			c.add(at, "%v", err)
			return
		}
		c.whose(at, d, name, user)
		return
	}
	if !strings.HasPrefix(hash, "$2") {
		c.add(at, "this is no hash; write %s and 64 hexadecimal digits, as `idp_exporter token create` prints them%s", hashPrefix, orBcrypt(user))
		return
	}
	if !user {
		c.add(at, "bcrypt is for passwords of users; a token takes the %s… hash of `idp_exporter token create`", hashPrefix)
		return
	}
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil || len(hash) != bcryptLength:
		c.add(at, "this is no complete bcrypt hash; make one with `htpasswd -nB`")
	case cost > maxBcryptCost:
		c.add(at, "bcrypt cost %d takes seconds at each check; use %d or less", cost, maxBcryptCost)
	}
}

// whose refuses a hash that is some token's already: whoever shows that token
// would be taken for either. A user is told from another user by the name.
func (c *checker) whose(at string, d digest, name string, user bool) {
	owner, taken := c.tokens[d]
	switch {
	case taken && (user || owner != name):
		c.add(at, "this is the hash of the token %q as well, so that the audit trail could not tell who it was; give each its own, as `idp_exporter token create` makes them", owner)
	case !user:
		c.tokens[d] = name
	}
}

func orBcrypt(user bool) string {
	if user {
		return ", or a bcrypt hash of `htpasswd -nB`"
	}
	return ""
}
