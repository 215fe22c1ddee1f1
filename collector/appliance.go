package collector

import (
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// applianceWarning is what an appliance's resource answers that is not well.
const applianceWarning = 520

// appliance shows what the latest run learned of each resource of an appliance.
// What it did not learn is absent rather than as it was before.
type appliance struct {
	status, code desc
}

func newAppliance() *appliance {
	return &appliance{
		status: gauge("idp_appliance_status",
			"The appliance's resource: 1 well (204), 0 warning (520); absent where the last run did not learn it.", "probe", "node", "resource"),
		code: gauge("idp_appliance_status_code",
			"HTTP status code that the resource answered in the last run; 429 is a node that is asked too often.", "probe", "node", "resource"),
	}
}

func (a *appliance) describe(ch chan<- *prometheus.Desc) { describe(ch, a.status, a.code) }

func (a *appliance) collect(ch chan<- prometheus.Metric, entries []state.Entry) {
	for i := range entries {
		e := &entries[i]
		if e.Last == nil {
			continue
		}
		codes := e.Last.Facts.ResourceStatus
		for _, resource := range slices.Sorted(maps.Keys(codes)) {
			code := codes[resource]
			a.code.send(ch, float64(code), e.Probe, e.Node, resource)
			if code == http.StatusNoContent || code == applianceWarning {
				a.status.send(ch, boolean(code == http.StatusNoContent), e.Probe, e.Node, resource)
			}
		}
	}
}
