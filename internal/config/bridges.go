package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/agent"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/agentx"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
)

// Exporter is what consoles are told of this exporter.
type Exporter struct {
	// Name is what it is called there; the host's name by default.
	Name string `yaml:"name"`
	// URL is where people find its page; empty if it is not given.
	URL string `yaml:"url"`
}

// SNMP are the settings that all of SNMP shares, and the agents.
type SNMP struct {
	// BaseOID is where the MIB stands; below the enterprise's own number.
	BaseOID string `yaml:"base_oid"`
	// Agent is the built-in agent, AgentX the subagent of the host's snmpd.
	Agent  *agent.Config  `yaml:"agent"`
	AgentX *agentx.Config `yaml:"agentx"`
}

// Bridge is one configured bridge, not yet opened.
type Bridge struct {
	alarm.Common
	Kind    *bridges.Kind
	Options bridges.Options
	// Fingerprint changes with everything that decides where the bridge delivers
	// to, less every secret: it goes to disk.
	Fingerprint string
	// WithSecrets is the same with every secret; it stays in memory.
	WithSecrets string
}

// Setting is what surrounds the bridge's own options, as far as the file tells.
func (c *Config) Setting(b *Bridge) bridges.Setting {
	return bridges.Setting{Name: b.Name, Exporter: c.Exporter.Name, Site: c.Exporter.URL, BaseOID: c.SNMP.BaseOID}
}

// someFolder stands for the storage, of which the file does not know.
const someFolder = "data"

func (l *loader) alarms(raw file) {
	c := l.config
	c.Exporter, c.Alarms, c.SNMP = raw.Exporter, raw.Alarms, raw.SNMP
	if c.Exporter.Name == "" {
		host, _ := os.Hostname()
		c.Exporter.Name = cmp.Or(host, "idp_exporter")
	}
	l.label("exporter.name", c.Exporter.Name)
	if u, err := url.Parse(c.Exporter.URL); c.Exporter.URL != "" && (err != nil || u.Host == "" || u.User != nil) {
		l.doc.Add("exporter.url", false, "%q is not a URL such as https://idp-exporter.example.com/", c.Exporter.URL)
	}
	l.report("alarms", c.Alarms.Check())
	if _, err := mib.New(c.SNMP.BaseOID); err != nil {
		l.doc.Add("snmp.base_oid", false, "%v", err)
	}
	if c.SNMP.Agent != nil {
		l.report("snmp.agent", c.SNMP.Agent.Check())
	}
	if c.SNMP.AgentX != nil {
		l.report("snmp.agentx", c.SNMP.AgentX.Check())
	}
	taken := names{}
	for i, n := range raw.Bridges {
		if n.node != nil {
			l.bridge("bridges["+strconv.Itoa(i)+"]", n.node, taken)
		}
	}
}

func (l *loader) bridge(path string, node *yaml.Node, taken names) {
	name, ok := l.kindName(path, node, "bridge", l.kinds.BridgeNames())
	if !ok {
		return
	}
	kind, ok := l.kinds.Bridge(name)
	if !ok {
		l.doc.Add(path+".kind", false, "%q is not a kind of bridge; use one of %s", name, list(l.kinds.BridgeNames()))
		return
	}
	b := &Bridge{Common: l.config.Alarms.NewCommon(), Kind: kind, Options: kind.NewOptions()}
	l.doc.Decode(node, path, &b.Common, b.Options)
	b.Name = cmp.Or(b.Name, b.Common.Kind)
	l.label(path+".name", b.Name)
	l.claim(taken, "bridge", b.Name, path+".name")
	l.report(path, b.Check())
	setting := l.config.Setting(b)
	setting.Storage = someFolder
	l.report(path, b.Options.Check(setting))
	b.Fingerprint, b.WithSecrets = l.bridgeFingerprint(node, l.doc.IsSecret), l.bridgeFingerprint(node, nil)
	l.config.Bridges = append(l.config.Bridges, b)
}

// telling are the keys that say when a bridge tells what, not whom.
var telling = map[string]bool{
	"name": true, "min_severity": true, "matchers": true, "heartbeat": true, "resend": true, "clear_resend_for": true, "transitions": true,
}

// bridgeFingerprint sums up everything that decides where a bridge delivers to.
func (l *loader) bridgeFingerprint(node *yaml.Node, leaveOut func(*yaml.Node) bool) string {
	f := fingerprint{Hash: sha256.New(), budget: 10_000, leaveOut: leaveOut}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !telling[node.Content[i].Value] {
			f.add(node.Content[i])
			f.add(node.Content[i+1])
		}
	}
	f.text(l.config.SNMP.BaseOID)
	return hex.EncodeToString(f.Sum(nil))
}
