package access

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Config is the access section of the configuration file.
type Config struct {
	// Tokens are shown as bearer token, X-API-Key, or Basic password with any user name.
	Tokens []Token `yaml:"tokens"`
	// Users are shown as Basic user and password.
	Users []User `yaml:"users"`
	// Clients are client certificates that the TLS layer has verified.
	Clients []Client `yaml:"clients"`
	// Open names what is answered, in its bare form, without a credential:
	// "test" and "testall".
	Open []string `yaml:"open"`
	// OpenTo limits Open to these networks, in CIDR notation; empty means everybody.
	OpenTo []string `yaml:"open_to"`
}

// Token is one holder of tokens.
type Token struct {
	// Name says whose it is, for logs.
	Name string `yaml:"name"`
	// Hash is what `idp_exporter token create` printed.
	Hash string `yaml:"hash"`
	// Hashes are further live tokens, so that tokens rotate without a gap.
	Hashes []string `yaml:"hashes"`
	// Scopes are the scopes it carries, or "all".
	Scopes []string `yaml:"scopes"`
}

// User is one Basic user.
type User struct {
	// Name is the user name as it is sent.
	Name string `yaml:"name"`
	// Hash is a bcrypt hash (as of `htpasswd -nB`), or sha256:… for a generated key.
	Hash string `yaml:"hash"`
	// Hashes are further live passwords.
	Hashes []string `yaml:"hashes"`
	// Scopes are the scopes it carries, or "all".
	Scopes []string `yaml:"scopes"`
}

// Client is one client certificate.
type Client struct {
	// Name says whose it is, for logs.
	Name string `yaml:"name"`
	// SAN is a subject alternative name of the certificate (RFC 5280, 4.2.1.6):
	// a DNS name, URI, e-mail or IP address.
	SAN string `yaml:"san"`
	// Scopes are the scopes it carries, or "all".
	Scopes []string `yaml:"scopes"`
}

// The words that Open takes.
const (
	OpenTest    = "test"
	OpenTestall = "testall"
)

// maxBcryptCost keeps one comparison below about a second.
const maxBcryptCost = 14

// checker collects problems.
type checker struct{ problems []probes.Problem }

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Check reports everything that is wrong with the section. Paths start below
// "access". No message quotes a hash.
func (c *Config) Check() []probes.Problem {
	k := &checker{}
	names := make(map[string]bool)
	for i, t := range c.Tokens {
		at := fmt.Sprintf("tokens[%d]", i)
		k.name(at, t.Name, "tokens", names)
		k.hashes(at, t.Hash, t.Hashes, false)
		k.scopes(at, t.Scopes)
	}
	names = make(map[string]bool)
	for i, u := range c.Users {
		at := fmt.Sprintf("users[%d]", i)
		k.name(at, u.Name, "users", names)
		if strings.Contains(u.Name, ":") {
			k.add(at+".name", "a Basic user name cannot hold a colon (RFC 7617, section 2)")
		}
		k.hashes(at, u.Hash, u.Hashes, true)
		k.scopes(at, u.Scopes)
	}
	names = make(map[string]bool)
	for i, cl := range c.Clients {
		at := fmt.Sprintf("clients[%d]", i)
		k.name(at, cl.Name, "clients", names)
		if cl.SAN == "" {
			k.add(at+".san", "missing; give the DNS name, URI, e-mail or IP address that the certificate carries")
		}
		k.scopes(at, cl.Scopes)
	}
	k.open(c)
	if len(c.Tokens)+len(c.Users)+len(c.Clients) == 0 {
		k.problems = append(k.problems, probes.Problem{Path: "tokens", Warning: true,
			Message: "there is no credential, so nobody can ask for /metrics; add one with `idp_exporter token create`"})
	}
	return k.problems
}

func (c *checker) name(at, name, list string, seen map[string]bool) {
	switch {
	case name == "":
		c.add(at+".name", "missing; give a name that tells whose it is")
	case seen[name]:
		c.add(at+".name", "%q stands twice in %s; put several live hashes into one `hashes` list", name, list)
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

func (c *checker) hashes(at, hash string, hashes []string, user bool) {
	if hash == "" && len(hashes) == 0 {
		c.add(at+".hash", "missing; make one with `idp_exporter token create`")
	}
	if hash != "" {
		c.hash(at+".hash", hash, user)
	}
	for i, h := range hashes {
		c.hash(fmt.Sprintf("%s.hashes[%d]", at, i), h, user)
	}
}

func (c *checker) hash(at, hash string, user bool) {
	if strings.HasPrefix(hash, hashPrefix) {
		if _, err := parseDigest(hash); err != nil {
			c.add(at, "%v", err)
		}
		return
	}
	if !strings.HasPrefix(hash, "$2") {
		c.add(at, "is no hash; write %s and 64 hexadecimal digits, as `idp_exporter token create` prints them%s", hashPrefix, orBcrypt(user))
		return
	}
	if !user {
		c.add(at, "bcrypt is for passwords of users; a token takes the %s… hash of `idp_exporter token create`", hashPrefix)
		return
	}
	cost, err := bcrypt.Cost([]byte(hash))
	switch {
	case err != nil || len(hash) != bcryptLength:
		c.add(at, "is no complete bcrypt hash; make one with `htpasswd -nB`")
	case cost > maxBcryptCost:
		c.add(at, "bcrypt cost %d takes seconds at each check; use %d or less", cost, maxBcryptCost)
	}
}

// bcryptLength is the length of a bcrypt hash in characters.
const bcryptLength = 60

func orBcrypt(user bool) string {
	if user {
		return ", or a bcrypt hash of `htpasswd -nB`"
	}
	return ""
}

func (c *checker) open(cfg *Config) {
	for i, word := range cfg.Open {
		if word != OpenTest && word != OpenTestall {
			c.add(fmt.Sprintf("open[%d]", i), "%q cannot be opened; only %s and %s can", word, OpenTest, OpenTestall)
		}
	}
	for i, n := range cfg.OpenTo {
		if _, err := netip.ParsePrefix(n); err != nil {
			c.add(fmt.Sprintf("open_to[%d]", i), "%q is no network; write it as 10.0.0.0/8 or fd00::/8", n)
		}
	}
	if len(cfg.OpenTo) > 0 && len(cfg.Open) == 0 {
		c.add("open_to", "opens nothing without `open: [%s, %s]`", OpenTest, OpenTestall)
	}
}
