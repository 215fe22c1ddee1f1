package systemcenter

import "github.com/idp-exporter/idp_exporter/internal/pack"

type httpPack struct {
	base
	Script string
	Checks []watch
}

// watch is a monitor over what the script found.
type watch struct {
	ID, AlertOn string
	Parameters  []string
	States      []state
	Health      []health
}

// state is one that a property of the bag may have.
type state struct{ ID, Property string }

type health struct{ ID, Health string }

func newHTTP(site pack.Site, l library, script string) (httpPack, error) {
	p := httpPack{base: newBase(site, ".Http", "IdP exporter (HTTP)", ".Watcher", refSystem, refHealth, refWindows, refCenter), Script: script}
	p.watcher()
	p.show("Check.DataSource", "", "Asks an exporter over HTTP", "")
	p.interval("Check.DataSource")
	p.watch("Alarms", "Active alarms", "Warning", []string{"Count", "Text"}, [][3]string{
		{"NoAlarm", "Success", "None"}, {"AlarmsWarning", "Warning", "Minor ones"}, {"AlarmsCritical", "Error", "Critical or major ones, or not known"},
	})
	p.message("Alarms.Message", "IdP alarms", "Active alarms: {0}\n{1}")
	p.teach("Alarms", l.alarms("", "Alarms are active at the exporter, or it cannot be asked. The alert closes by itself when none is active."))
	p.watch("Verdict", "Sign-in", "Error", []string{"What", "Why"}, [][3]string{
		{"SignInWorks", "Success", "People can sign in"}, {"SignInFails", "Error", "People cannot sign in, or it is not known"},
	})
	p.message("Verdict.Message", "IdP: {0}", "/testall of the exporter: {1}")
	p.teach("Verdict", l.page("IdPTestallFailingAtLoadBalancer"))
	return p, nil
}

// watch adds a monitor; of each state there are ID, health and name.
func (p *httpPack) watch(element, name, alertOn string, parameters []string, states [][3]string) {
	c := watch{ID: p.under(element), AlertOn: alertOn, Parameters: parameters}
	kind := element + ".MonitorType"
	p.show(element, "", name, "Asked for every minute.")
	p.show(kind, "", name, "")
	p.interval(kind)
	for _, s := range states {
		c.States = append(c.States, state{s[0], element})
		c.Health = append(c.Health, health{s[0], s[1]})
		p.show(element, s[0], s[2], "")
		p.show(kind, s[0], s[2], "")
	}
	p.Checks = append(p.Checks, c)
}
