// Package webhook is the kind of bridge `webhook`: each event is one HTTP
// request, its body made by a built-in template (Alertmanager, OBM, ServiceNow,
// PagerDuty, CloudEvents, Slack, Teams) or by one of the operator's own.
package webhook

import (
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Options are the settings of one bridge of this kind.
type Options struct {
	// Template is the name of a built-in template. Body is an own one instead,
	// in the language of text/template.
	Template string `yaml:"template"`
	Body     string `yaml:"body"`
	// Method and ContentType are for own templates.
	Method      string `yaml:"method"`
	ContentType string `yaml:"content_type"`
	// Values are the template's own settings; each has its own list of them.
	Values map[string]string `yaml:"values"`
	// Severities replace the template's words for severities of X.733.
	Severities map[probes.Severity]string `yaml:"severities"`

	// URL is where requests go; the template may have one of its own. URLFile
	// names a file that has it, since with chats it is a secret.
	URL     URL    `yaml:"url"`
	URLFile string `yaml:"url_file"`

	Headers       map[string]string        `yaml:"headers"`
	SecretHeaders map[string]secret.Secret `yaml:"secret_headers"`
	// RoutingKey is PagerDuty's integration key.
	RoutingKey  secret.Secret `yaml:"routing_key"`
	BearerToken secret.Secret `yaml:"bearer_token"`
	Basic       *Basic        `yaml:"basic"`
	OAuth2      *OAuth2       `yaml:"oauth2"`
	HMAC        *HMAC         `yaml:"hmac"`

	// Accept are the statuses that mean the event was taken, Retry those after
	// which it is sent again. Any other makes it a dead letter.
	Accept []Status `yaml:"accept"`
	Retry  []Status `yaml:"retry"`
	// Timeout is for one request with its answer.
	Timeout time.Duration `yaml:"timeout"`
	// MaxBytes bounds a request's body.
	MaxBytes int `yaml:"max_bytes"`
	// SendHeartbeats says whether heartbeats are sent; without it, the template
	// does.
	SendHeartbeats *bool `yaml:"send_heartbeats"`

	TLS           fetch.TLS     `yaml:"tls"`
	Proxy         string        `yaml:"proxy"`
	ProxyPassword secret.Secret `yaml:"proxy_password"`
}

// Basic is a user and password (RFC 7617).
type Basic struct {
	Username string        `yaml:"username"`
	Password secret.Secret `yaml:"password"`
}

// OAuth2 gets a token by client credentials (RFC 6749, section 4.4).
type OAuth2 struct {
	TokenURL     string        `yaml:"token_url"`
	ClientID     string        `yaml:"client_id"`
	ClientSecret secret.Secret `yaml:"client_secret"`
	Scopes       []string      `yaml:"scopes"`
	// ClientAuth is basic or post: where the client's credentials are written.
	ClientAuth string `yaml:"client_auth"`
	// Parameters are added to the token request, such as an audience.
	Parameters map[string]string `yaml:"parameters"`
}

// HMAC signs the body.
type HMAC struct {
	Secret secret.Secret `yaml:"secret"`
	// Header carries Prefix and the signature in hexadecimal.
	Header string `yaml:"header"`
	// Algorithm is sha256 or sha512.
	Algorithm string `yaml:"algorithm"`
	// Prefix is, unless it is given, the algorithm and an equals sign.
	Prefix *string `yaml:"prefix"`
}

// Kind returns the kind `webhook`.
func Kind() bridges.Kind {
	return bridges.Kind{
		Name:       "webhook",
		Summary:    "Sends HTTP requests: to Alertmanager's receivers, OBM, ServiceNow, PagerDuty, Slack, Teams, or by a template of your own.",
		NewOptions: func() bridges.Options { return NewOptions() },
	}
}

// NewOptions returns the kind's defaults.
func NewOptions() *Options { return &Options{Timeout: 10 * time.Second, MaxBytes: 256 << 10} }

// The statuses by default. A redirect is never followed, and tells, as a
// credential that is refused does, of the configuration and not of the event.
func defaultAccept() []Status { return []Status{"2xx"} }
func defaultRetry() []Status {
	return []Status{"3xx", "401", "403", "407", "408", "425", "429", "5xx"}
}

// New implements bridges.Options.
func (o *Options) New(s bridges.Setting) ([]bridges.Destination, error) {
	for _, p := range o.Check(s) {
		if !p.Warning {
			return nil, fmt.Errorf("%s: %s", p.Path, p.Message)
		}
	}
	f, err := o.format()
	if err != nil {
		return nil, err
	}
	d, err := newDeliverer(o, s, f)
	if err != nil {
		return nil, err
	}
	u, err := o.address(f)
	if err != nil {
		return nil, err
	}
	return []bridges.Destination{{Name: u.Host, Acknowledged: true, Proof: f.proof, Deliverer: d}}, nil
}

// heartbeat tells whether heartbeats are sent.
func (o *Options) heartbeat(f *format) bool {
	if o.SendHeartbeats != nil {
		return *o.SendHeartbeats
	}
	return f.heartbeat
}
