package app

import (
	"sort"

	"github.com/idp-exporter/idp_exporter/probes"
	httpprobe "github.com/idp-exporter/idp_exporter/probes/http"
	"github.com/idp-exporter/idp_exporter/probes/login"
	"github.com/idp-exporter/idp_exporter/probes/rule"
)

// Kinds is the registry of probe kinds.
type Kinds struct {
	byName map[string]*probes.Kind
	names  []string
	all    []probes.Kind
}

// NewKinds builds the registry. A new kind of probe is one line here. What
// kinds keep between configurations, such as refused accounts, lives as long
// as the registry.
func NewKinds() *Kinds {
	accounts := login.NewAccounts()
	return index(
		httpprobe.Kind(),
		login.Kind(accounts),
		rule.Kind(accounts),
	)
}

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
