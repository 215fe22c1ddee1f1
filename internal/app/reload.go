package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/web"
)

var errNoReload = errors.New("this exporter runs without a configuration file and cannot reload one")

// Reload reads the configuration again. A file with a mistake changes nothing:
// the running configuration stays, and log, metric and the error say why.
// Probes that have not changed keep their results and their schedule.
func (a *App) Reload(context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	err := a.reload()
	if err != nil {
		a.metrics.ReloadFailed()
		a.log.Error("reload failed; the running configuration stays", "err", err)
		return err
	}
	a.metrics.ReloadSucceeded(time.Now())
	a.log.Info("configuration reloaded")
	return nil
}

func (a *App) reload() error {
	if a.options.Load == nil {
		return errNoReload
	}
	c, err := a.options.Load()
	if err != nil {
		return err
	}
	if file := a.options.Web.ConfigFile; file != "" {
		if err := web.CheckWebConfig(file); err != nil {
			return err
		}
	}
	if err := a.adopt(c); err != nil {
		return err
	}
	if a.options.SetLevel != nil {
		a.options.SetLevel(c.Log.Level)
	}
	a.warn(c)
	return nil
}

// adopt puts a checked configuration in force, or nothing of it: whatever can
// fail comes before the first change.
func (a *App) adopt(c *config.Config) error {
	p, err := newPlan(c)
	if err != nil {
		return err
	}
	if err := a.web.SetAccess(c.Access); err != nil {
		return fmt.Errorf("access: %w", err)
	}
	return a.apply(c, p)
}
