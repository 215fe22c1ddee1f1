package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/idp-exporter/idp_exporter/collector"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/watchdog"
)

// watch sets up what looks after the exporter's own parts, and what tells
// systemd.
func (a *App) watch(c *config.Config) error {
	parts := []watchdog.Part{watchdog.Scheduler(a.scheduler.Beat), watchdog.Workers(a.scheduler.Overdue)}
	var disks []*watchdog.Disk
	disk := func(name, folder string) {
		d := watchdog.NewDisk(name, folder, 0, 0)
		disks = append(disks, d)
		parts = append(parts, d.Part())
	}
	if path := a.options.StoragePath; path != "" {
		parts = append(parts, watchdog.Writing("storage", a.storageWorks))
		if a.store != nil {
			disk("storage_disk", path)
		}
	}
	if c.Audit != nil {
		parts = append(parts, watchdog.Writing("audit", a.auditWorks))
		if c.Audit.File != nil {
			disk("audit_disk", filepath.Dir(c.Audit.File.Path))
		}
	}
	var err error
	if a.watchdog, err = watchdog.New(watchdog.Options{Parts: parts, Logger: a.log}); err != nil {
		return fmt.Errorf("watchdog: %w", err)
	}
	a.metrics.Registry().MustRegister(collector.NewWatchdog(a.watchdog, disks...))
	a.systemd = &watchdog.Notifier{Logger: a.log, Stuck: a.watchdog.Stuck, Status: func() string {
		v := a.state.Verdict()
		return watchdog.StatusLine(v.OK, v.Reasons, a.watchdog.Problems())
	}}
	return nil
}

// unhealthy returns a line for each part of the exporter that is unhealthy.
func (a *App) unhealthy() []string {
	var lines []string
	for _, p := range a.watchdog.Problems() {
		lines = append(lines, p.Part+": "+p.Text)
	}
	return lines
}

var errNoStorage = errors.New("it could not be opened; see the log of the start")

func (a *App) storageWorks(context.Context) error {
	if a.store == nil {
		return errNoStorage
	}
	if err := a.keepError.Load(); err != nil {
		return *err
	}
	return nil
}

func (a *App) auditWorks(context.Context) error {
	for _, s := range a.audit.Stats().Sinks {
		if s.Failing {
			return fmt.Errorf("%s fails; see the log", s.Name)
		}
	}
	return nil
}
