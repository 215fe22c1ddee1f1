package demo

import (
	"errors"
	"sync/atomic"
)

// The switches that break the demo, by name, see [Provider.Set].
const (
	// SwitchWrongPassword changes the monitoring user's password at the provider.
	SwitchWrongPassword = "wrong-password"
	// SwitchRuleRemoved removes the rule stage: no claims are written, nobody is turned away.
	SwitchRuleRemoved = "rule-removed"
	// SwitchCRMDown makes the stand-in CRM answer 503, so that the rule refuses every sign-in.
	SwitchCRMDown = "crm-down"
	// SwitchSlowLogin delays the login page and the password grant by Options.SlowLogin.
	SwitchSlowLogin = "slow-login"
	// SwitchKeyUnpublished signs ID and access tokens with a key that is not in the key set.
	SwitchKeyUnpublished = "key-unpublished"
	// SwitchWrongAudience issues ID tokens that are meant for OtherClientID.
	SwitchWrongAudience = "wrong-audience"
)

// Switch is one way to break the demo.
type Switch struct {
	// Name is the name to pass to [Provider.Set].
	Name string `json:"name"`
	// Broken tells whether it is thrown now.
	Broken bool `json:"broken"`
	// Description says in one line what it breaks.
	Description string `json:"description"`
}

// switchCount is the number of switches that switchList names.
const switchCount = 6

// switchList returns all switches, repaired, in the order they are shown.
func switchList() [switchCount]Switch {
	return [switchCount]Switch{
		{Name: SwitchWrongPassword, Description: "the monitoring user's password is another one at the provider"},
		{Name: SwitchRuleRemoved, Description: "the rule that writes claims and turns users away is gone"},
		{Name: SwitchCRMDown, Description: "the CRM that the rule asks answers 503, so every sign-in is refused"},
		{Name: SwitchSlowLogin, Description: "the login page and the password grant answer late"},
		{Name: SwitchKeyUnpublished, Description: "tokens are signed with a key that the key set does not list"},
		{Name: SwitchWrongAudience, Description: "ID tokens are issued for another client"},
	}
}

// switchboard keeps what is broken. The zero value has everything repaired.
type switchboard struct {
	states [switchCount]atomic.Bool
}

func (b *switchboard) index(name string) (int, error) {
	list := switchList()
	for i, s := range list {
		if s.Name == name {
			return i, nil
		}
	}
	return 0, unknownSwitch(name, list[:])
}

// broken tells whether the named switch is thrown. The name must be one of the constants.
func (b *switchboard) broken(name string) bool {
	i, err := b.index(name)
	return err == nil && b.states[i].Load()
}

// Set throws the named switch (broken) or puts it back. It takes effect with the
// next request, any number of switches at once. The error of an unknown name
// lists the names there are. SwitchCRMDown needs a CRM in Options.
func (p *Provider) Set(name string, broken bool) error {
	i, err := p.switches.index(name)
	if err != nil {
		return err
	}
	switch name {
	case SwitchCRMDown:
		if p.crm == nil {
			return errors.New("switch crm-down has no CRM to act on: give the provider one in Options.CRM")
		}
		p.crm.SetDown(broken)
	case SwitchKeyUnpublished:
		// make the key now, so that no sign-in has to wait for it
		if _, err := p.keys.unpublished(); err != nil {
			return err
		}
	}
	p.switches.states[i].Store(broken)
	p.log.Info("demo switch", "switch", name, "broken", broken)
	return nil
}

// Switches returns all switches in their fixed order.
func (p *Provider) Switches() []Switch {
	list := switchList()
	for i := range list {
		list[i].Broken = p.switches.states[i].Load()
	}
	return list[:]
}
