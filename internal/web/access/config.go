package access

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
	// TrustedProxies are the networks of proxies whose word on where a request
	// comes from is taken, in CIDR notation.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// ForwardedHeader is the one header that they say it in: HeaderXForwardedFor,
	// which is the default, or HeaderForwarded.
	ForwardedHeader string `yaml:"forwarded_header"`
	// RateLimit bounds the requests of each credential. Health routes are never limited.
	RateLimit RateLimit `yaml:"rate_limit"`
	// GuessLimit is how many wrong credentials a network may show in a minute;
	// nil is DefaultGuessLimit, 0 sets no limit.
	GuessLimit *int `yaml:"guess_limit"`
}

// Token is one holder of tokens.
type Token struct {
	// Name says whose it is, for logs.
	Name string `yaml:"name"`
	// Hash is what `idp_exporter token create` printed.
	Hash string `yaml:"hash"`
	// Hashes are further live tokens, so that tokens rotate without a gap.
	Hashes []Hash `yaml:"hashes"`
	// Scopes are the scopes it carries, or "all".
	Scopes []string `yaml:"scopes"`
	Bounds `yaml:",inline"`
}

// User is one Basic user.
type User struct {
	// Name is the user name as it is sent.
	Name string `yaml:"name"`
	// Hash is a bcrypt hash (as of `htpasswd -nB`), or sha256:… for a generated key.
	Hash string `yaml:"hash"`
	// Hashes are further live passwords.
	Hashes []Hash `yaml:"hashes"`
	// Scopes are the scopes it carries, or "all".
	Scopes []string `yaml:"scopes"`
	Bounds `yaml:",inline"`
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
	Bounds `yaml:",inline"`
}

// Bounds say when, from where and how often a holder's credentials count.
type Bounds struct {
	// NotBefore and NotAfter are when they count; of a date the whole day does.
	NotBefore Time `yaml:"not_before"`
	NotAfter  Time `yaml:"not_after"`
	// Networks are where they count from, in CIDR notation; empty means everywhere.
	Networks []string `yaml:"networks"`
	// RateLimit takes the place of the section's.
	RateLimit `yaml:",inline"`
}

// RateLimit is how many requests are answered.
type RateLimit struct {
	// PerSecond is the rate in requests a second that can be kept up; nil is what
	// the section says or else DefaultPerSecond, 0 sets no limit.
	PerSecond *float64 `yaml:"per_second"`
	// Burst is how many requests may come at once; nil is what the section says
	// or else DefaultBurst.
	Burst *int `yaml:"burst"`
}

// The rate limit of a credential for which the configuration says nothing.
const (
	DefaultPerSecond = 50
	DefaultBurst     = 100
)

// limits returns the rate limit of a holder.
func (c *Config) limits(own RateLimit) limits {
	l := limits{DefaultPerSecond, DefaultBurst}
	for _, r := range []RateLimit{c.RateLimit, own} {
		if r.PerSecond != nil {
			l.perSecond = *r.PerSecond
		}
		if r.Burst != nil {
			l.burst = *r.Burst
		}
	}
	return l
}

// guessLimit returns the wrong credentials that a network may show in a minute.
func (c *Config) guessLimit() int {
	if c.GuessLimit == nil {
		return DefaultGuessLimit
	}
	return *c.GuessLimit
}

// The words that Open takes.
const (
	OpenTest    = "test"
	OpenTestall = "testall"
)
