package probes

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// Outcome is how a run, a step or a verdict turned out.
type Outcome uint8

// The outcomes. The zero value is Unknown: nothing is good until it was seen.
const (
	Unknown Outcome = iota
	Pass
	Warn
	Fail
)

// Outcomes lists every outcome, in the order metrics show them.
func Outcomes() []Outcome { return []Outcome{Pass, Warn, Fail, Unknown} }

// String returns the outcome as labels and JSON spell it.
func (o Outcome) String() string {
	switch o {
	case Pass:
		return "pass"
	case Warn:
		return "warn"
	case Fail:
		return "fail"
	default:
		return "unknown"
	}
}

// Conclusive tells whether the outcome says something about the target.
func (o Outcome) Conclusive() bool { return o != Unknown }

// OK tells whether the outcome counts as success: pass or warn.
func (o Outcome) OK() bool { return o == Pass || o == Warn }

// MarshalText implements encoding.TextMarshaler.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Outcome) UnmarshalText(b []byte) error {
	for _, c := range Outcomes() {
		if c.String() == string(b) {
			*o = c
			return nil
		}
	}
	return fmt.Errorf("outcome %q: want pass, warn, fail or unknown", b)
}

// Result is what one run of a probe found.
type Result struct {
	Outcome Outcome
	// Start is when the run began; Duration is how long it took.
	Start    time.Time
	Duration time.Duration
	// Steps are the steps taken, in order.
	Steps []Step
	// FailedStep and Reason say where and why the run did not pass. They come
	// from closed lists and may serve as label values; Detail may not.
	FailedStep string
	Reason     Reason
	// Detail is free text for people. It never carries a secret.
	Detail string
	// Unverified names what the run could not check, for people.
	Unverified []string
	// Assertions are the named expectations of the probe.
	Assertions []Assertion
	Facts      Facts
	// NotBefore asks the schedule not to run the probe again until then: a
	// deliberate back-off after a refused credential or a Retry-After.
	NotBefore time.Time
	// Decisive marks a failure that needs no confirming run: the verdict falls
	// at once, since a back-off keeps the confirming run away.
	Decisive bool
	// Skipped is set when the run was not performed; nothing else but Detail
	// and NotBefore holds then.
	Skipped SkipCause
}

// SkipCause says why a due run did not take place.
type SkipCause string

// The causes of a skipped run.
const (
	SkipOverrun SkipCause = "overrun" // the previous run was still going on
	SkipBackoff SkipCause = "backoff" // a deliberate pause, such as Retry-After
	SkipBudget  SkipCause = "budget"  // a shared rate budget is used up
)

// SkipCauses lists every cause.
func SkipCauses() []SkipCause { return []SkipCause{SkipOverrun, SkipBackoff, SkipBudget} }

// Step is a named part of a run.
type Step struct {
	Name string
	// Start is the time since the start of the run.
	Start    time.Duration
	Duration time.Duration
	Outcome  Outcome
}

// Assertion is one named expectation and whether it held.
type Assertion struct {
	Name   string `json:"name"`
	Pass   bool   `json:"pass"`
	Detail string `json:"detail,omitempty"`
}

// Facts are measurements found on the way. They are recorded even when a later
// step fails; a zero or nil field means it was not measured.
type Facts struct {
	// CertificateNotAfter is when the chain the server sent ends: the earliest end
	// in it, of several chains the one that lasts longest.
	CertificateNotAfter time.Time
	// Certificates are those the server sent, its own first, where the probe
	// looks at each of them.
	Certificates []Certificate
	// ClockOffset is the server's clock minus ours.
	ClockOffset *time.Duration
	// TokenLifetimes is the lifetime of each token received, by token name
	// (id_token, access_token).
	TokenLifetimes map[string]time.Duration
	// JWKSKeys is the number of keys in the provider's key set, KeyIDs their ids.
	JWKSKeys *int
	KeyIDs   []string
	// ResourceStatus is the HTTP status code that an appliance answered for each
	// of its resources with (204 good, 520 warning), by resource; only of this run.
	ResourceStatus map[string]int
	// DiscoveryDigest stands for the content of the discovery document: two
	// documents that say the same have the same one.
	DiscoveryDigest string
}

// Certificate is one certificate that a server sent. Names in it are the
// server's own words: text for people, never labels.
type Certificate struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// Serial is the serial number in hexadecimal.
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// SPKI is the SHA-256 digest of the public key, in base64, as pins are
	// written (RFC 7469, 2.4).
	SPKI string `json:"spki_sha256"`
}

type stepJSON struct {
	Name     string  `json:"name"`
	Start    float64 `json:"start_seconds"`
	Duration float64 `json:"duration_seconds"`
	Outcome  Outcome `json:"outcome"`
}

type factsJSON struct {
	CertificateNotAfter *time.Time         `json:"tls_certificate_not_after,omitempty"`
	Certificates        []Certificate      `json:"certificates,omitempty"`
	ClockOffset         *float64           `json:"clock_offset_seconds,omitempty"`
	TokenLifetimes      map[string]float64 `json:"token_lifetime_seconds,omitempty"`
	JWKSKeys            *int               `json:"jwks_keys,omitempty"`
	KeyIDs              []string           `json:"key_ids,omitempty"`
	ResourceStatus      map[string]int     `json:"resource_status,omitempty"`
	DiscoveryDigest     string             `json:"discovery_digest,omitempty"`
}

type resultJSON struct {
	Outcome    Outcome     `json:"outcome"`
	Start      time.Time   `json:"start"`
	Duration   float64     `json:"duration_seconds"`
	Steps      []stepJSON  `json:"steps"`
	FailedStep string      `json:"failed_step,omitempty"`
	Reason     Reason      `json:"reason,omitempty"`
	Detail     string      `json:"detail,omitempty"`
	Unverified []string    `json:"unverified,omitempty"`
	Assertions []Assertion `json:"assertions,omitempty"`
	Facts      factsJSON   `json:"facts"`
	NotBefore  *time.Time  `json:"not_before,omitempty"`
	Decisive   bool        `json:"decisive,omitempty"`
	Skipped    SkipCause   `json:"skipped,omitempty"`
}

// MarshalJSON writes the result as the JSON API, `probe --output=json` and the
// store spell it: durations in seconds, times in RFC 3339.
func (r Result) MarshalJSON() ([]byte, error) {
	j := resultJSON{
		Outcome: r.Outcome, Start: r.Start.UTC(), Duration: r.Duration.Seconds(), Steps: make([]stepJSON, 0, len(r.Steps)),
		FailedStep: r.FailedStep, Reason: r.Reason, Detail: r.Detail, Unverified: r.Unverified,
		Assertions: r.Assertions, Decisive: r.Decisive, Skipped: r.Skipped,
		Facts: factsJSON{
			Certificates: r.Facts.Certificates, ResourceStatus: r.Facts.ResourceStatus,
			JWKSKeys: r.Facts.JWKSKeys, KeyIDs: r.Facts.KeyIDs, DiscoveryDigest: r.Facts.DiscoveryDigest,
		},
	}
	for _, s := range r.Steps {
		j.Steps = append(j.Steps, stepJSON{s.Name, s.Start.Seconds(), s.Duration.Seconds(), s.Outcome})
	}
	if t := r.Facts.CertificateNotAfter; !t.IsZero() {
		t = t.UTC()
		j.Facts.CertificateNotAfter = &t
	}
	if o := r.Facts.ClockOffset; o != nil {
		s := o.Seconds()
		j.Facts.ClockOffset = &s
	}
	if len(r.Facts.TokenLifetimes) > 0 {
		j.Facts.TokenLifetimes = make(map[string]float64, len(r.Facts.TokenLifetimes))
		for k, v := range r.Facts.TokenLifetimes {
			j.Facts.TokenLifetimes[k] = v.Seconds()
		}
	}
	if t := r.NotBefore; !t.IsZero() {
		t = t.UTC()
		j.NotBefore = &t
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Result) UnmarshalJSON(b []byte) error {
	var j resultJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	*r = Result{
		Outcome: j.Outcome, Start: j.Start, Duration: seconds(j.Duration), FailedStep: j.FailedStep, Reason: j.Reason,
		Detail: j.Detail, Unverified: j.Unverified, Assertions: j.Assertions, Decisive: j.Decisive, Skipped: j.Skipped,
		Facts: Facts{
			Certificates: j.Facts.Certificates, ResourceStatus: j.Facts.ResourceStatus,
			JWKSKeys: j.Facts.JWKSKeys, KeyIDs: j.Facts.KeyIDs, DiscoveryDigest: j.Facts.DiscoveryDigest,
		},
	}
	for _, s := range j.Steps {
		r.Steps = append(r.Steps, Step{s.Name, seconds(s.Start), seconds(s.Duration), s.Outcome})
	}
	if j.Facts.CertificateNotAfter != nil {
		r.Facts.CertificateNotAfter = *j.Facts.CertificateNotAfter
	}
	if j.Facts.ClockOffset != nil {
		o := seconds(*j.Facts.ClockOffset)
		r.Facts.ClockOffset = &o
	}
	if len(j.Facts.TokenLifetimes) > 0 {
		r.Facts.TokenLifetimes = make(map[string]time.Duration, len(j.Facts.TokenLifetimes))
		for k, v := range j.Facts.TokenLifetimes {
			r.Facts.TokenLifetimes[k] = seconds(v)
		}
	}
	if j.NotBefore != nil {
		r.NotBefore = *j.NotBefore
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * float64(time.Second))) }
