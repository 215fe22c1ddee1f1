package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/preset"
	"github.com/idp-exporter/idp_exporter/internal/preset/starter"
)

func initCommand(a *kingpin.Application, io stdio, do actions) {
	c := a.Command("init", "Read a provider's discovery document and write a starter configuration, with what only you know marked.")
	o := initOptions{}
	c.Arg("issuer", "The provider's issuer, such as https://login.example.com/.").Required().StringVar(&o.Issuer)
	c.Flag("out", "The file to write; - prints it.").Default(defaultConfigFile).StringVar(&o.out)
	c.Flag("force", "Replace the file if it is there.").BoolVar(&o.force)
	c.Flag("preset", "Use this preset in place of the one that is recognized: "+strings.Join(preset.Names(), ", ")+".").StringVar(&o.Preset)
	c.Flag("ca-file", "Certificates (PEM) that the provider's has to be signed by, in place of the system's.").StringVar(&o.CAFile)
	c.Flag("proxy", "An HTTP or SOCKS5 proxy, or env.").StringVar(&o.Proxy)
	c.Flag("timeout", "How long to wait in all.").Default("30s").DurationVar(&o.timeout)
	do[c.FullCommand()] = func(ctx context.Context) error { return initConfig(ctx, o, io) }
}

type initOptions struct {
	starter.Options
	out     string
	force   bool
	timeout time.Duration
}

func initConfig(ctx context.Context, o initOptions, io stdio) error {
	if o.out == "" { // what kingpin makes of a lone -
		o.out = "-"
	}
	if err := o.vacant(); err != nil {
		return err
	}
	if o.CAFile != "" { // the file is read from the configuration's folder
		absolute, err := filepath.Abs(o.CAFile)
		if err != nil {
			return fmt.Errorf("--ca-file: %w", err)
		}
		o.CAFile = absolute
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	s, err := starter.Look(ctx, o.Options)
	if err != nil {
		return err
	}
	unknown, err := unknowns(s.Text, o.out)
	if err != nil {
		return err
	}
	if o.out == "-" {
		_, err := io.out.Write(s.Text)
		return err
	}
	if err := o.write(s.Text); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(io.out, "%s: preset %s (%s)\n", o.out, s.Preset, s.Why)
	for _, p := range unknown {
		_, _ = fmt.Fprintln(io.out, p)
	}
	_, err = fmt.Fprintf(io.out, "Then: idp_exporter check-config %s\n", o.out)
	return err
}

// vacant refuses to replace a file, before anybody is asked.
func (o initOptions) vacant() error {
	if o.force || o.out == "-" {
		return nil
	}
	if _, err := os.Lstat(o.out); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already; choose another name with --out, or replace it with --force", o.out)
	}
	return nil
}

// unknowns checks the text as the configuration that it is going to be: what is
// wrong with it are its marks, and nothing else.
func unknowns(text []byte, name string) (strict.Problems, error) {
	_, err := config.Parse(text, name, app.NewKinds())
	var problems strict.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	for _, p := range problems {
		if !strings.Contains(p.Message, strict.Unknown) {
			return nil, fmt.Errorf("what this provider says does not make a good configuration; write it by hand, see docs/presets.md: %s", p.Message)
		}
	}
	return problems, nil
}

// write makes the file, and replaces one only if it was asked to.
func (o initOptions) write(text []byte) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if o.force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(o.out, flags, 0o644) //nolint:gosec // the operator names the file, and no secret is in it
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already; choose another name with --out, or replace it with --force", o.out)
	}
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}
