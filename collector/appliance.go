package collector

import (
	"maps"
	"net/http"
	"slices"
)

// applianceWarning is what an appliance's resource answers that is not well.
const applianceWarning = 520

// appliance shows what the latest run learned of each resource of an appliance.
// What it did not learn is absent rather than as it was before.
type appliance struct{}

func (appliance) families() []family {
	resource := []string{"resource"}
	return []family{
		{
			name: "idp_appliance_status", labels: nodeLabels, after: resource,
			help: "The appliance's resource: 1 well (204), 0 warning (520); absent where the last run did not learn it.",
			show: resources(func(code int) (float64, bool) {
				return boolean(code == http.StatusNoContent), code == http.StatusNoContent || code == applianceWarning
			}),
		},
		{
			name: "idp_appliance_status_code", labels: nodeLabels, after: resource,
			help: "HTTP status code that the resource answered in the last run; 429 is a node that is asked too often.",
			show: resources(func(code int) (float64, bool) { return float64(code), true }),
		},
	}
}

func resources(value func(code int) (v float64, shown bool)) func(*moment, sink) {
	return func(m *moment, s sink) {
		for _, i := range m.order(nodeLabels) {
			e := &m.entries[i]
			if e.Last == nil || len(e.Last.Facts.ResourceStatus) == 0 {
				continue
			}
			for _, resource := range slices.Sorted(maps.Keys(e.Last.Facts.ResourceStatus)) {
				if v, shown := value(e.Last.Facts.ResourceStatus[resource]); shown {
					s.put(point{entry: i, after: resource, value: v})
				}
			}
		}
	}
}
