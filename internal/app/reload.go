package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/audit"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/web"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

var errNoReload = errors.New("this exporter runs without a configuration file and cannot reload one")

// Reload reads the configuration again. A file with a mistake changes nothing:
// the running configuration stays, and log, metric and the error say why.
// Probes that have not changed keep their results and their schedule.
func (a *App) Reload(ctx context.Context) error {
	defer a.systemd.Reloading()()
	return a.reloadNow(ctx)
}

func (a *App) reloadNow(ctx context.Context) error {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	err := a.reload(ctx)
	if err != nil {
		a.metrics.ReloadFailed()
		a.log.Error("reload failed; the running configuration stays", "err", err)
		return err
	}
	a.metrics.ReloadSucceeded(time.Now())
	a.log.Info("configuration reloaded")
	return nil
}

func (a *App) reload(ctx context.Context) error {
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
	if err := a.adopt(ctx, c); err != nil {
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
func (a *App) adopt(ctx context.Context, c *config.Config) error {
	w, err := newWatchers(ctx, c.Providers, *a.discovery.current.Load(), a.log)
	if err != nil {
		return err
	}
	p, err := newPlan(c, w)
	if err != nil {
		return err
	}
	if c.Access == nil {
		if err := a.options.Web.balancer().CheckLocal(); err != nil {
			return fmt.Errorf("access: %w", err)
		}
	}
	if err := a.auditKeys(ctx, c.Access); err != nil {
		return err
	}
	if err := a.peers.Set(c.Peers); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	if err := a.web.SetAccess(c.Access); err != nil {
		return fmt.Errorf("access: %w", err)
	}
	if err := a.configureAlarms(c); err != nil {
		return err
	}
	a.polled.set(c)
	a.web.SetFailingCode(c.Verdict.FailingCode)
	if err := a.book.Configure(c.Maintenance); err != nil {
		return err
	}
	a.state.SuppressionChanged()
	a.discovery.set(w)
	a.config = c
	return a.apply(c, p)
}

// rebuild puts nodes in force that were discovered.
func (a *App) rebuild(context.Context) {
	a.reloading.Lock()
	defer a.reloading.Unlock()
	p, err := newPlan(a.config, *a.discovery.current.Load())
	if err == nil {
		err = a.apply(a.config, p)
	}
	if err != nil {
		a.log.Error("the nodes that were discovered could not be put in force; the former ones stay", "err", err)
	}
}

// auditKeys notes whose credentials are about to change. Where that cannot be
// kept, they do not change.
func (a *App) auditKeys(ctx context.Context, next *access.Config) error {
	changes := access.Changes(a.config.Access, next)
	if a.audit == nil || changes == "" {
		return nil
	}
	err := a.audit.Admin(ctx, audit.Record{
		Event: audit.EventKey, Outcome: audit.OutcomeAccepted, Actor: audit.Actor{Kind: "exporter"}, Target: "access", Detail: changes,
	})
	if err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	return nil
}

// reloadBySignal reloads for whoever may signal the process, and notes it first.
func (a *App) reloadBySignal(ctx context.Context) error {
	defer a.systemd.Reloading()()
	rec := audit.Record{Event: audit.EventReload, Outcome: audit.OutcomeAccepted, Actor: audit.Actor{Name: "SIGHUP", Kind: "signal"}}
	if a.audit != nil {
		if err := a.audit.Admin(ctx, rec); err != nil {
			a.metrics.ReloadFailed()
			a.log.Error("reload refused, since it cannot be written to the audit trail", "err", err)
			return err
		}
	}
	err := a.reloadNow(ctx)
	if err != nil && a.audit != nil {
		rec.Outcome, rec.Detail = audit.OutcomeFailed, err.Error()
		a.audit.Access(rec)
	}
	return err
}
