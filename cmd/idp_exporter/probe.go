package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/probes"
)

func probeCommand(a *kingpin.Application, io stdio, do actions) {
	c := a.Command("probe", "Run one configured probe now and show its steps; exit 0 pass, 1 warning, 2 fail, 3 unknown.")
	o := probeOptions{}
	c.Arg("name", "The probe's name in the configuration.").Required().StringVar(&o.name)
	c.Flag("config.file", "The configuration file.").Default(defaultConfigFile).StringVar(&o.config)
	c.Flag("node", "Run against this node; without it, against the public name.").StringVar(&o.node)
	c.Flag("output", "text: a timeline; json: the result; nagios: one line as monitoring plugins print it.").Default("text").EnumVar(&o.output, "text", "json", "nagios")
	do[c.FullCommand()] = func(ctx context.Context) error { return probeOnce(ctx, o, io) }
}

type probeOptions struct{ name, node, config, output string }

// exitCodes are those of monitoring plugins (Monitoring Plugins Development
// Guidelines, "Plugin Return Codes").
func exitCode(o probes.Outcome) exitError {
	switch o {
	case probes.Pass:
		return 0
	case probes.Warn:
		return 1
	case probes.Fail:
		return 2
	default:
		return 3
	}
}

func probeOnce(ctx context.Context, o probeOptions, io stdio) error {
	result, err := runProbe(ctx, o, slog.New(slog.NewTextHandler(io.err, nil)))
	if err != nil {
		// Whatever keeps the probe from running leaves the question open.
		if o.output == "nagios" {
			_, _ = fmt.Fprintf(io.out, "UNKNOWN - %s\n", firstLine(err.Error()))
		} else {
			_, _ = fmt.Fprintf(io.err, "idp_exporter: %v\n", err)
		}
		return exitCode(probes.Unknown)
	}
	switch o.output {
	case "json":
		e := json.NewEncoder(io.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err = e.Encode(struct {
			Probe  string        `json:"probe"`
			Node   string        `json:"node"`
			Result probes.Result `json:"result"`
		}{o.name, o.node, result})
	case "nagios":
		_, err = fmt.Fprintln(io.out, nagios(o, result))
	default:
		f, ok := io.out.(*os.File)
		color := ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" //nolint:gosec // a descriptor fits an int
		_, err = fmt.Fprint(io.out, timeline(o, result, color))
	}
	if err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	if code := exitCode(result.Outcome); code != 0 {
		return code
	}
	return nil
}

func runProbe(ctx context.Context, o probeOptions, log *slog.Logger) (probes.Result, error) {
	kinds := app.NewKinds()
	c, err := config.Load(o.config, kinds)
	if err != nil {
		return probes.Result{}, err
	}
	return app.RunOnce(ctx, c, o.name, o.node, log)
}
