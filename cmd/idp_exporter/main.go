// Command idp_exporter answers one question all day: can people sign in? It
// signs in to an identity provider the way its users do and tells Prometheus,
// load balancers and people. See `idp_exporter help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/idp-exporter/idp_exporter/probes"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// stdio is where a command reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// actions are what the commands do, by their full names.
type actions map[string]func(context.Context) error

// exitError carries an exit code that is an answer, not a mishap.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, io stdio) int {
	app := kingpin.New("idp_exporter", "Can people sign in? A monitoring exporter and synthetic-probe service for identity providers.")
	app.HelpFlag.Short('h')
	app.UsageWriter(io.out)
	app.ErrorWriter(io.err)
	app.Version(version.Print("idp_exporter"))
	app.VersionFlag.Short('V')
	exited := -1
	app.Terminate(func(code int) { exited = code })

	commands := make(actions)
	for _, register := range []func(*kingpin.Application, stdio, actions){
		serveCommand, demoCommand, probeCommand, checkConfigCommand, tokenCommand, drainCommand, bridgeCommand, auditCommand, assetsCommand, initCommand,
	} {
		register(app, io, commands)
	}
	name, err := app.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		_, _ = fmt.Fprintf(io.err, "idp_exporter: %v; see idp_exporter --help\n", err)
		if len(args) > 0 && args[0] == "probe" {
			return int(exitCode(probes.Unknown)) // a plugin's 2 would say that sign-in fails
		}
		return 2
	}
	var exit exitError
	switch err := commands[name](ctx); {
	case errors.As(err, &exit):
		return int(exit)
	case err != nil:
		_, _ = fmt.Fprintf(io.err, "idp_exporter: %v\n", err)
		return 1
	}
	return 0
}
