package test

import (
	"fmt"

	"github.com/stretchr/testify/require"
)

// crosses shows what becomes of one trouble that turns into a graver one: a rule
// that does not run, then no login at all. Every console is told of the second
// before the first is cleared. Meanwhile Alertmanager keeps to itself that many
// sign-ins failed lately: to an objective as strict as the one promised here any
// break is too much.
func (s *stack) crosses(consoles []console) {
	s.t.Helper()
	const milder, graver, follows, probe = "IdPRuleNotRun", "IdPSignInDown", "IdPSignInFailingFast", "rule-crm"
	is := func(alert, want string) func() error {
		return func() error {
			state, err := s.routed(alert, probe)
			if err == nil && state != want {
				err = fmt.Errorf("%s is %q at Alertmanager, want %q", alert, state, want)
			}
			return err
		}
	}
	told := map[string]int{} // how much each console was told before
	for _, c := range consoles {
		told[c.name] = len(c.all())
	}
	s.promise("0.99999")
	s.throw("break", "rule-removed")
	s.prometheus.until("the rule does not run", is(milder, "active"))
	require.NoError(s.t, is(follows, "")(), "the first break was told, and is over")
	for _, c := range consoles {
		s.prometheus.until(c.name+" shows it", func() error { return c.stands(milder, probe, true) })
	}
	s.throw("break", "key-unpublished")
	s.prometheus.until("sign-in is down", is(graver, "active"))
	s.prometheus.until("what follows from it is inhibited", is(follows, "suppressed"))
	for _, c := range consoles {
		s.prometheus.until(c.name+" shows it", func() error { return c.stands(graver, probe, true) })
		s.prometheus.until(c.name+" shows the other no more", func() error { return c.stands(milder, probe, false) })
		raised, cleared := -1, -1
		for i, e := range c.all()[told[c.name]:] {
			switch {
			case e.probe == probe && e.name == graver && !e.clear && raised < 0:
				raised = i
			case e.probe == probe && e.name == milder && e.clear && cleared < 0:
				cleared = i
			}
		}
		require.True(s.t, 0 <= raised && raised < cleared, "%s: %s is the %d. it was told, the end of %s the %d.", c.name, graver, raised, milder, cleared)
	}
	s.throw("repair", "key-unpublished")
	s.throw("repair", "rule-removed")
	s.prometheus.until("sign-in works", is(graver, ""))
	s.prometheus.until("what followed ends with it", is(follows, ""))
	s.prometheus.until("the rule runs", is(milder, ""))
}

// stands fails unless an alarm stands at the console, or does not.
func (c console) stands(name, probe string, want bool) error {
	if _, stands := c.shows(name, probe); stands != want {
		return fmt.Errorf("%s stands at %s: %t, want %t", name, c.name, stands, want)
	}
	return nil
}
