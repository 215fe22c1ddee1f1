package access

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

// Grant is what a request may do.
type Grant struct {
	// Scopes are all the scopes its credentials carry.
	Scopes Set
	// Known tells whether it showed a valid credential; Shown, whether it
	// showed one at all.
	Known, Shown bool
	// Kind and Name say whose credential it was, for logs; of several, the first.
	Kind, Name string
	// Refused is why a credential that was shown does not count, and Whose says,
	// where that is known, whose it is. Neither is for the caller to see.
	Refused Reason
	Whose   string
	// Wait is how long to wait before a next try, where Refused is ReasonThrottled.
	Wait time.Duration

	holder *holder
}

// Guard judges requests by one configuration. It may be used by many
// goroutines. What it remembers is bounded by the number of credentials, and
// for wrong ones by a fixed number of networks.
type Guard struct {
	local     bool
	tokens    []token
	users     *passwords
	clients   []client
	holders   map[holderID]*holder
	open      map[string]bool
	networks  []netip.Prefix
	proxies   []netip.Prefix
	forwarded bool
	guessing  int // wrong credentials a minute from one network; 0 is no limit
	memory    *memory
}

// memory is what outlives a configuration.
type memory struct {
	now     func() time.Time
	guesses *guesses
	vault   *vault
	refused [reasons]atomic.Uint64
}

// NewGuard compiles the access section. Without one (nil) the guard is local:
// see [Guard.Local]. An error lists what Config.Check finds.
func NewGuard(c *Config) (*Guard, error) { return NewGuardAt(c, time.Now) }

// NewGuardAt is NewGuard with a clock.
func NewGuardAt(c *Config, now func() time.Time) (*Guard, error) {
	return compile(c, nil, &memory{now: now, guesses: newGuesses(maxGuessers), vault: newVault()})
}

// Renew compiles another access section for a guard that takes the place of
// this one and remembers what this one knows: when credentials were used, how
// often, which passwords were right, and who guesses.
func (g *Guard) Renew(c *Config) (*Guard, error) { return compile(c, g, g.memory) }

func compile(c *Config, before *Guard, m *memory) (*Guard, error) {
	if c == nil {
		return &Guard{local: true, memory: m}, nil
	}
	var errs []error
	for _, p := range c.Check() {
		if !p.Warning {
			errs = append(errs, fmt.Errorf("access.%s: %s", p.Path, p.Message))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c.compile(before, m)
}

// Local tells that there is no access section: the guard then knows no
// credentials, and the exporter serves its own machine only.
func (g *Guard) Local() bool { return g.local }

// LocalScopes are the scopes that a request has where there is no access section.
func LocalScopes() Set { return NewSet(Public, Metrics, Testall, Page) }

// Open tells whether the word of Config.Open is answered to this request
// without a credential.
func (g *Guard) Open(word string, r *http.Request) bool {
	return g.open[word] && (len(g.networks) == 0 || contains(g.networks, g.ClientAddr(r)))
}

// ErrBusy tells that too many passwords are being checked at once.
var ErrBusy = errors.New("too many sign-ins at once; try again in a second")
