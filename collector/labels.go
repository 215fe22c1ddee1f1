package collector

import (
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// other stands for a label value that is not in its closed list.
const other = "other"

// labels keeps label values within their closed lists.
type labels struct {
	steps   map[string]map[string]bool // by kind
	reasons map[probes.Reason]bool
}

func newLabels(kinds []probes.Kind) labels {
	l := labels{steps: map[string]map[string]bool{}, reasons: map[probes.Reason]bool{}}
	for _, k := range kinds {
		l.steps[k.Name] = map[string]bool{"": true}
		for _, s := range k.Steps {
			l.steps[k.Name][s] = true
		}
	}
	for _, r := range probes.Reasons() {
		l.reasons[r] = true
	}
	return l
}

func (l labels) step(kind, step string) string {
	if list, ok := l.steps[kind]; ok && !list[step] {
		return other
	}
	return step
}

func (l labels) failure(kind string, f state.StepReason) state.StepReason {
	f.Step = l.step(kind, f.Step)
	if !l.reasons[f.Reason] {
		f.Reason = other
	}
	return f
}
