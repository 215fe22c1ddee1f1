package config

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/discover"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/maintenance"
	"github.com/idp-exporter/idp_exporter/internal/peers"
	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// file is the shape of the configuration file.
type file struct {
	Providers []providerFile `yaml:"providers"`
	Probes    []nodeOf       `yaml:"probes"`
	Access    *access.Config `yaml:"access"`
	Audit     *audit.Config  `yaml:"audit"`
	Log       Log            `yaml:"log"`
	Verdict   Verdict        `yaml:"verdict"`
	Schedule  Schedule       `yaml:"schedule"`
	Metrics   Metrics        `yaml:"metrics"`

	Maintenance []maintenance.Recurring `yaml:"maintenance"`
	Peers       *peers.Config           `yaml:"peers"`

	Exporter Exporter     `yaml:"exporter"`
	Alarms   alarm.Config `yaml:"alarms"`
	Bridges  []nodeOf     `yaml:"bridges"`
	SNMP     SNMP         `yaml:"snmp"`

	Status status.Config `yaml:"status"`
}

type providerFile struct {
	Name   string `yaml:"name"`
	Issuer string `yaml:"issuer"`
	// Nodes are the instances behind the provider's load balancer.
	Nodes    []nodeFile        `yaml:"nodes"`
	Discover *discover.Options `yaml:"discover"`
	// MinUp and Quorum are those of state.Group; nil is the default.
	MinUp         *int `yaml:"min_up"`
	Quorum        *int `yaml:"quorum"`
	fetch.Options `yaml:",inline"`
	// Preset adds the standard probes of a kind of provider; PresetSettings are
	// what it cannot know.
	Preset         string            `yaml:"preset"`
	PresetSettings map[string]string `yaml:"preset_settings"`
}

type nodeFile struct {
	Name    string `yaml:"name"`
	Address string `yaml:"address"`
}

// nodeOf keeps a probe's mapping until its kind is known.
type nodeOf struct{ node *yaml.Node }

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *nodeOf) UnmarshalYAML(node *yaml.Node) error {
	n.node = node
	return nil
}

// probeFile are the keys that every kind of probe has.
type probeFile struct {
	Name      string        `yaml:"name"`
	Kind      string        `yaml:"kind"`
	Provider  string        `yaml:"provider"`
	Every     time.Duration `yaml:"every"`
	Timeout   time.Duration `yaml:"timeout"`
	Severity  string        `yaml:"severity"`
	Gates     bool          `yaml:"gates"`
	FailAfter int           `yaml:"fail_after"`
	PassAfter int           `yaml:"pass_after"`
	Nodes     []string      `yaml:"nodes"`
	Needs     []string      `yaml:"needs"`
}
