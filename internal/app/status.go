package app

import (
	"cmp"
	"os"

	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/internal/status"
)

// answerStatus lets /status/ rest on the probes of a plan and on the figures of
// this machine.
func (a *App) answerStatus(c *config.Config, p plan) {
	keys := make([]state.Key, len(p.specs))
	for i, s := range p.specs {
		keys[i] = s.Key
	}
	host, _ := os.Hostname()
	a.status.Set(cmp.Or(c.Status.Host, host), status.NewSource(&c.Status, keys, a.state.Entry, a.options.Kinds.Host().Snapshot))
}
