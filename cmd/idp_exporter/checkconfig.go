package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
)

func checkConfigCommand(a *kingpin.Application, io stdio, do actions) {
	c := a.Command("check-config", "Validate a configuration file; exit 0 or 1, with every mistake as file:line:column.")
	path := c.Arg("file", "The configuration file.").Default(defaultConfigFile).String()
	expanded := c.Flag("print-expanded", "Print the configuration with presets as the probes they stand for, and without secrets.").Bool()
	do[c.FullCommand()] = func(context.Context) error {
		if *expanded {
			return printExpanded(*path, io)
		}
		return checkConfig(*path, io)
	}
}

// printExpanded prints the expanded file to standard output, warnings and
// mistakes to standard error.
func printExpanded(path string, io stdio) error {
	text, c, err := config.Expanded(path, app.NewKinds())
	if c != nil { // else it has a mistake
		printWarnings(c, io)
		if _, err := io.out.Write(text); err != nil {
			return err
		}
	}
	if err != nil {
		return printProblems(err, io)
	}
	return nil
}

func printWarnings(c *config.Config, io stdio) {
	for _, w := range c.Warnings {
		_, _ = fmt.Fprintf(io.err, "%s (warning)\n", w)
	}
}

// printProblems prints the mistakes in a file; other errors are returned.
func printProblems(err error, io stdio) error {
	var problems strict.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, p := range problems {
		_, _ = fmt.Fprintln(io.err, p)
	}
	return exitError(1)
}

// checkConfig prints warnings and mistakes to standard error, and a summary of
// a good file to standard output.
func checkConfig(path string, io stdio) error {
	c, err := loadConfig(path, app.NewKinds(), io)
	if err != nil {
		return err
	}
	printWarnings(c, io)
	const most = 50 // names that are shown
	runs := 0
	var names []string
	for _, p := range c.Probes {
		runs += len(p.Nodes)
		names = append(names, p.Name)
	}
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	_, _ = fmt.Fprintf(io.out, "%s: ok: %d provider(s), %d probe(s) on %d target(s): %s\n",
		path, len(c.Providers), len(c.Probes), runs, strings.Join(names, ", "))
	return nil
}

// loadConfig reads a configuration and prints every mistake in it.
func loadConfig(path string, kinds *app.Kinds, io stdio) (*config.Config, error) {
	c, err := config.Load(path, kinds)
	if err != nil {
		return nil, printProblems(err, io)
	}
	return c, nil
}
