package appliance

import (
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// Options are the settings of one probe of this kind.
type Options struct {
	// Via is the way in: ViaPort, ViaNode or ViaManage.
	Via string `yaml:"via"`
	// URL is the origin asked: of the dashboard with ViaManage, which needs it,
	// and otherwise of the node, in place of one made of the provider's issuer.
	// Whatever node is addressed takes the place of its host.
	URL string `yaml:"url"`
	// Port is the port of ViaPort.
	Port int `yaml:"port"`

	// Username and Key are the health key, which is read again whenever its file changes.
	Username string        `yaml:"username"`
	Key      secret.Secret `yaml:"key"`

	// Resources are those asked for.
	Resources []string `yaml:"resources"`
	// Warn lists resources whose 520 is but a warning.
	Warn []string `yaml:"warn"`
	// Test asks for the clock, Testall for the node's own verdict. Both are asked
	// where users are served (FrontURL), which needs no key.
	Test    bool `yaml:"test"`
	Testall bool `yaml:"testall"`
	// FrontURL is the origin of /test and /testall: by default the provider's
	// issuer, at the node's address, or URL where there is no provider.
	FrontURL string `yaml:"front_url"`
	// ClockOffset are the differences from our clock that warn and fail.
	ClockOffset Offsets `yaml:"clock_offset"`

	// CheckHost compares the name that a node gives itself with the one it is
	// configured under; Hosts has the former by the latter where they differ.
	CheckHost bool              `yaml:"check_host"`
	Hosts     map[string]string `yaml:"hosts"`

	// PerSecond is how many requests a second this probe leaves the node time
	// for, out of the ten that it answers to all its monitors.
	PerSecond float64 `yaml:"per_second"`

	// TLS and Proxy take the place of the provider's where they are set.
	TLS           fetch.TLS     `yaml:"tls"`
	Proxy         string        `yaml:"proxy"`
	ProxyPassword secret.Secret `yaml:"proxy_password"`

	budgets *Budgets
}

// Offsets are differences of clocks; 0 is never exceeded.
type Offsets struct {
	Warn time.Duration `yaml:"warn"`
	Fail time.Duration `yaml:"fail"`
}
