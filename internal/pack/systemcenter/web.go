package systemcenter

import (
	"fmt"

	"github.com/idp-exporter/idp_exporter/internal/pack"
)

type webPack struct {
	base
	WebInterval, WebTimeout, WebError int
	WebCriteria                       []string
	WebStates                         []webState
}

// webState is a state by error code and status of an answer, by how each
// compares with 0 and with 200.
type webState struct{ ID, Join, Compare string }

func newWeb(site pack.Site, l library) (webPack, error) {
	p := webPack{
		base:        newBase(site, ".Web", "IdP exporter (web availability)", ".Watcher", refSystem, refHealth, refWindows, refCenter, refWeb),
		WebInterval: webInterval, WebTimeout: webTimeout, WebError: webError,
		WebCriteria: []string{"LinksEvaluationCriteria", "ResourcesEvaluationCriteria", "WebPageTotalEvaluationCriteria", "DepthEvaluationCriteria"},
		WebStates:   []webState{{"Available", "And", "Equal"}, {"Unavailable", "Or", "NotEqual"}},
	}
	p.watcher()
	p.show("Request.DataSource", "", "Asks for /testall", "")
	p.interval("Request.DataSource")
	p.show("TestAll.MonitorType", "", "/testall passes", "")
	p.show("TestAll.MonitorType", "Available", "Passes", "")
	p.show("TestAll.MonitorType", "Unavailable", "Fails or does not answer", "")
	p.interval("TestAll.MonitorType")
	p.show("TestAll", "", "/testall passes", "Asked for every minute.")
	p.show("TestAll", "Available", "Passes", "")
	p.show("TestAll", "Unavailable", "Fails or does not answer", "")
	p.message("TestAll.Message", "People cannot sign in", fmt.Sprintf("/testall of the exporter does not answer with status 200 within %d seconds.", webTimeout))
	p.teach("TestAll", l.page("IdPTestallFailingAtLoadBalancer"))
	return p, nil
}
