package app

import (
	"sort"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/eif"
	execbridge "github.com/idp-exporter/idp_exporter/bridges/exec"
	"github.com/idp-exporter/idp_exporter/bridges/snmp"
	"github.com/idp-exporter/idp_exporter/bridges/syslog"
	"github.com/idp-exporter/idp_exporter/bridges/webhook"
	"github.com/idp-exporter/idp_exporter/internal/host"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/appliance"
	dnsprobe "github.com/idp-exporter/idp_exporter/probes/dns"
	"github.com/idp-exporter/idp_exporter/probes/egress"
	hostprobe "github.com/idp-exporter/idp_exporter/probes/host"
	httpprobe "github.com/idp-exporter/idp_exporter/probes/http"
	icmpprobe "github.com/idp-exporter/idp_exporter/probes/icmp"
	ldapprobe "github.com/idp-exporter/idp_exporter/probes/ldap"
	"github.com/idp-exporter/idp_exporter/probes/login"
	ntpprobe "github.com/idp-exporter/idp_exporter/probes/ntp"
	"github.com/idp-exporter/idp_exporter/probes/oidc"
	"github.com/idp-exporter/idp_exporter/probes/rule"
	smtpprobe "github.com/idp-exporter/idp_exporter/probes/smtp"
	"github.com/idp-exporter/idp_exporter/probes/tcp"
	"github.com/idp-exporter/idp_exporter/probes/testall"
	tlsprobe "github.com/idp-exporter/idp_exporter/probes/tls"
)

// Kinds is the registry of kinds of probes and bridges.
type Kinds struct {
	byName map[string]*probes.Kind
	names  []string
	all    []probes.Kind

	bridges     map[string]*bridges.Kind
	bridgeNames []string

	host *host.Sampler
}

// NewKinds builds the registry. A new kind of probe or bridge is one line here. What
// kinds keep between configurations, such as refused accounts, lives as long
// as the registry.
func NewKinds() *Kinds {
	accounts, sampler := login.NewAccounts(), host.New()
	kinds := index(
		appliance.Kind(appliance.NewBudgets()),
		dnsprobe.Kind(),
		egress.Kind(),
		hostprobe.Kind(sampler),
		httpprobe.Kind(),
		icmpprobe.Kind(),
		ldapprobe.Kind(),
		login.Kind(accounts),
		ntpprobe.Kind(),
		oidc.Kind(),
		rule.Kind(accounts),
		smtpprobe.Kind(),
		tcp.Kind(),
		testall.Kind(),
		tlsprobe.Kind(),
	).with(
		snmp.Kind(),
		eif.Kind(),
		webhook.Kind(),
		syslog.Kind(),
		execbridge.Kind(),
	)
	kinds.host = sampler
	return kinds
}

// Host takes the figures of the machine; it is to be run by whoever serves.
func (k *Kinds) Host() *host.Sampler { return k.host }

func (k *Kinds) with(kinds ...bridges.Kind) *Kinds {
	k.bridges = make(map[string]*bridges.Kind, len(kinds))
	for i := range kinds {
		k.bridges[kinds[i].Name] = &kinds[i]
		k.bridgeNames = append(k.bridgeNames, kinds[i].Name)
	}
	sort.Strings(k.bridgeNames)
	return k
}

// Bridge finds a kind of bridge by name.
func (k *Kinds) Bridge(name string) (*bridges.Kind, bool) {
	kind, ok := k.bridges[name]
	return kind, ok
}

// BridgeNames lists the kinds of bridges, sorted.
func (k *Kinds) BridgeNames() []string { return k.bridgeNames }

func index(kinds ...probes.Kind) *Kinds {
	k := &Kinds{byName: make(map[string]*probes.Kind, len(kinds)), all: kinds}
	for i := range kinds {
		k.byName[kinds[i].Name] = &kinds[i]
		k.names = append(k.names, kinds[i].Name)
	}
	sort.Strings(k.names)
	return k
}

// Kind finds a kind by name.
func (k *Kinds) Kind(name string) (*probes.Kind, bool) {
	kind, ok := k.byName[name]
	return kind, ok
}

// Names lists the kinds, sorted.
func (k *Kinds) Names() []string { return k.names }

// All lists the kinds.
func (k *Kinds) All() []probes.Kind { return k.all }
