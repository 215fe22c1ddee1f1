package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/logging"
	"github.com/idp-exporter/idp_exporter/internal/web"
)

const defaultConfigFile = "idp_exporter.yml"

type serveOptions struct {
	config      string
	checkOnly   bool
	web         app.Web
	storage     string
	level, form string
}

func serveCommand(a *kingpin.Application, io stdio, do actions) {
	c := a.Command("serve", "Run the probes and serve their results (the default command).").Default()
	o := serveOptions{}
	c.Flag("config.file", "The configuration file.").Default(defaultConfigFile).StringVar(&o.config)
	c.Flag("config.check", "Validate the configuration and the web configuration file, then exit.").BoolVar(&o.checkOnly)
	c.Flag("web.listen-address", "Address to listen on; repeat for several. Default :9110, or 127.0.0.1:9110 where the configuration has no access section.").StringsVar(&o.web.Listen)
	c.Flag("web.config.file", "TLS settings of the listeners, in the format of exporter-toolkit.").StringVar(&o.web.ConfigFile)
	c.Flag("web.systemd-socket", "Take the listeners from systemd socket activation (Linux).").BoolVar(&o.web.SystemdSocket)
	c.Flag("health.listen-address", "Address of a listener that serves only health, without credentials, for load balancers, HOST:PORT or NODE@HOST:PORT; repeat for several.").StringsVar(&o.web.HealthListen)
	c.Flag("health.agent-listen-address", "Address that answers HAProxy's agent-check, HOST:PORT or NODE@HOST:PORT; repeat for several.").StringsVar(&o.web.AgentListen)
	c.Flag("health.tcp-listen-address", "Address that is open only while the verdict passes, HOST:PORT or NODE@HOST:PORT; repeat for several.").StringsVar(&o.web.TCPListen)
	c.Flag("storage.path", "Folder of what outlives a restart: drains, one-off maintenance windows, the last verdicts. Empty keeps nothing and refuses drains.").Default("data").StringVar(&o.storage)
	c.Flag("log.level", "debug, info, warn or error; overrides the configuration.").EnumVar(&o.level, "debug", "info", "warn", "error")
	c.Flag("log.format", "logfmt or json; overrides the configuration.").EnumVar(&o.form, "logfmt", "json")
	do[c.FullCommand()] = func(ctx context.Context) error { return serve(ctx, o, io) }
}

func serve(ctx context.Context, o serveOptions, io stdio) error {
	if o.checkOnly {
		if o.web.ConfigFile != "" {
			if err := web.CheckWebConfig(o.web.ConfigFile); err != nil {
				return err
			}
		}
		return checkConfig(o.config, io)
	}
	kinds := app.NewKinds()
	c, err := loadConfig(o.config, kinds, io)
	if err != nil {
		return err
	}
	logger, err := logging.New(io.err, either(o.level, c.Log.Level), either(o.form, c.Log.Format))
	if err != nil {
		return err
	}
	exporter, err := app.New(ctx, c, app.Options{
		Kinds:       kinds,
		Load:        func() (*config.Config, error) { return config.Load(o.config, kinds) },
		Web:         o.web,
		StoragePath: o.storage,
		Logger:      logger.Logger,
		SetLevel:    func(level string) { _ = logger.SetLevel(either(o.level, level)) },
	})
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // of reading ten thousand probes 60 MB of garbage are left
	defer runtime.KeepAlive(ballast())
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	return exporter.Run(ctx, hup)
}

// ballast keeps the garbage collector from running at every few megabytes: an
// exporter's live heap is tiny, and each collection costs as much as a hundred
// answers of /testall. It is never written to, so it takes no memory. With
// thousands of probes the heap is large enough by itself.
func ballast() []byte {
	const enough = 16 << 20
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return make([]byte, enough-min(m.HeapAlloc, enough))
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
