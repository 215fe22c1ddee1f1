// Package config loads and checks the configuration file: strict YAML, every
// mistake reported at once as file:line:column with what would be right.
//
// It owns the shape of the file, its defaults and its checks. It builds no
// probe and opens no connection.
package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/discover"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/preset"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Config is a checked configuration.
type Config struct {
	Providers []*Provider
	Probes    []*Probe
	// Access is nil where the file has no access section.
	Access *access.Config
	// Audit is nil where the file has no audit section.
	Audit    *audit.Config
	Log      Log
	Verdict  Verdict
	Schedule Schedule
	Metrics  Metrics
	// Maintenance are the windows that come round.
	Maintenance []maintenance.Recurring
	// Peers are the other exporters of the cluster; the zero value is none.
	Peers peers.Config
	// Exporter is what consoles are told of this exporter.
	Exporter Exporter
	Alarms   alarm.Config
	Bridges  []*Bridge
	SNMP     SNMP
	// Status says which probes answer for the appliance's resources.
	Status status.Config
	// Warnings are settings that work but should be reconsidered.
	Warnings strict.Problems

	// expanded are the probes that presets added, in the order of Probes.
	expanded []*yaml.Node
	// unexpanded are the paths of providers whose preset could not be.
	unexpanded map[string]bool
}

// Log says what is logged, and how.
type Log struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // logfmt, json
}

// Verdict holds the settings of the verdict that are not a probe's own.
type Verdict struct {
	// UnknownMax is how long an unknown result holds the last verdict.
	UnknownMax time.Duration `yaml:"unknown_max"`
	// Start is "closed" (fail until the first results) or "open".
	Start string `yaml:"start"`
	// FailingCode is the HTTP status of a failing /testall: 503, 500 or 520.
	FailingCode int `yaml:"failing_code"`
}

// Schedule bounds what runs at once.
type Schedule struct {
	MaxConcurrent int `yaml:"max_concurrent"`
}

// Metrics tunes the exposition.
type Metrics struct {
	// ClassicBuckets adds classic buckets to the native histograms.
	ClassicBuckets bool `yaml:"classic_buckets"`
}

// Provider is one identity provider and its nodes.
type Provider struct {
	probes.Provider
	// Nodes are those that the file lists.
	Nodes []probes.Node
	// Discover says where further nodes are found, nil if nowhere.
	Discover *discover.Options
	// Group are the rules for the nodes.
	Group state.Group
}

// Probe is one configured probe, not yet built.
type Probe struct {
	Name     string
	Kind     *probes.Kind
	Provider *Provider
	Every    time.Duration
	Timeout  time.Duration
	Severity probes.Severity
	// Gates tells whether /testall depends on the probe.
	Gates                bool
	FailAfter, PassAfter int
	// Nodes are the instances the probe runs against; the zero Node is the public name.
	// Those that are discovered are not among them, see NodesWith.
	Nodes []probes.Node
	// Needs are the probes without which this one says nothing.
	Needs   []string
	Options probes.Options
	// Fingerprint changes with everything that decides what the probe does.
	Fingerprint string
	// StoredFingerprint is the same less every secret: it goes to disk.
	StoredFingerprint string

	// wanted are the nodes that the file names for the probe; none means all.
	wanted []string
	// path is where it stands in the file.
	path string
}

// NodesWith returns the nodes the probe runs against, given those that were
// discovered.
func (p *Probe) NodesWith(found []probes.Node) []probes.Node {
	if len(p.wanted) > 0 && !slices.Contains(p.wanted, preset.EachNode) {
		found = slices.DeleteFunc(slices.Clone(found), func(n probes.Node) bool { return !slices.Contains(p.wanted, n.Name) })
	}
	return discover.Merge(p.Nodes, found)
}

// Kinds finds a kind of probe, or of bridge, by name.
type Kinds interface {
	Kind(name string) (*probes.Kind, bool)
	Names() []string
	// Bridge and BridgeNames are the same for kinds of bridges.
	Bridge(name string) (*bridges.Kind, bool)
	BridgeNames() []string
}

// Load reads and checks a file. Where it is wrong the error is a
// strict.Problems with every mistake.
func Load(path string, kinds Kinds) (*Config, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("configuration: %w; `idp_exporter init ISSUER` writes one, and `idp_exporter demo` needs none", err)
	}
	defer func() { _ = f.Close() }()
	return load(strict.Parse(f, path, filepath.Dir(path)), kinds, (*loader).everything)
}

// LoadBridges reads what a file says of consoles: exporter, alarms, bridges and
// snmp. It need not have anything else, and what else it has is not looked at.
func LoadBridges(path string, kinds Kinds) (*Config, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	return load(strict.Parse(f, path, filepath.Dir(path)), kinds, (*loader).alarms)
}

// Parse checks a configuration that is already in memory; name stands for the
// file in messages.
func Parse(content []byte, name string, kinds Kinds) (*Config, error) {
	return load(strict.Parse(bytes.NewReader(content), name, "."), kinds, (*loader).everything)
}

func load(doc *strict.Document, kinds Kinds, check func(*loader, file)) (*Config, error) {
	c, errs := examine(doc, kinds, check)
	if len(errs) > 0 {
		return nil, errs
	}
	return c, nil
}

// examine returns what a document says, and what is wrong with it.
func examine(doc *strict.Document, kinds Kinds, check func(*loader, file)) (*Config, strict.Problems) {
	raw := file{
		Log:      Log{Level: "info", Format: "logfmt"},
		Verdict:  Verdict{UnknownMax: state.DefaultUnknownMax, Start: "closed", FailingCode: 503},
		Schedule: Schedule{MaxConcurrent: 1000},
		Metrics:  Metrics{ClassicBuckets: true},
		Alarms:   alarm.NewConfig(),
	}
	doc.Decode(doc.Root, "", &raw)
	c := &Config{Access: raw.Access, Audit: raw.Audit, Log: raw.Log, Verdict: raw.Verdict, Schedule: raw.Schedule, Metrics: raw.Metrics,
		Maintenance: raw.Maintenance, unexpanded: map[string]bool{}}
	l := loader{doc: doc, kinds: kinds, config: c}
	if doc.Root == nil {
		if len(doc.Problems()) == 0 {
			doc.Add("", false, "the file is empty; give at least `providers` and `probes`")
		}
	} else {
		check(&l, raw)
	}
	var errs strict.Problems
	errs, c.Warnings = doc.Problems().Split()
	return c, errs
}

func (l *loader) everything(raw file) {
	l.providers(raw.Providers)
	l.probes(raw.Probes)
	l.together()
	l.alarms(raw)
	l.rest(raw)
}

func (l *loader) rest(raw file) {
	c := l.config
	l.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	l.oneOf("log.format", c.Log.Format, "logfmt", "json")
	l.oneOf("verdict.start", c.Verdict.Start, "closed", "open")
	l.oneOf("verdict.failing_code", strconv.Itoa(c.Verdict.FailingCode), "503", "500", "520")
	if c.Verdict.UnknownMax < time.Second {
		l.doc.Add("verdict.unknown_max", false, "must be 1s or more")
	}
	if c.Schedule.MaxConcurrent < 1 {
		l.doc.Add("schedule.max_concurrent", false, "must be 1 or more")
	}
	if c.Audit != nil {
		if c.Audit.File != nil {
			c.Audit.File.Path = l.doc.Path(c.Audit.File.Path)
		}
		l.report("audit", c.Audit.Check())
	}
	if c.Access != nil {
		l.report("access", c.Access.Check())
	}
	c.Status = raw.Status
	var names []string
	for _, p := range c.Probes {
		names = append(names, p.Name)
	}
	l.report("status", c.Status.Check(names))
	if raw.Peers != nil {
		c.Peers = *raw.Peers
		l.report("peers", c.Peers.Check())
	}
}
