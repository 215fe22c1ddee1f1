package app

import (
	"bytes"
	"cmp"
	"context"
	_ "embed" // for the demo's configuration
	"fmt"
	"log/slog"
	"os"
	"text/template"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/idp-exporter/idp_exporter/internal/config"
	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/web"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

//go:embed demo.yml.tmpl
var demoConfig string

// demoSlowLogin is longer than any of the demo's probes waits.
const demoSlowLogin = 8 * time.Second

// DemoOptions say where the demo listens.
type DemoOptions struct {
	// Listen is the exporter's address, ProviderListen the provider's; both on loopback.
	Listen, ProviderListen string
	// Token is the one token the exporter accepts; "" makes one.
	Token string
	// BridgesFile is a configuration file whose bridges the demo tells of its
	// alarms; empty is none.
	BridgesFile string
	Logger      *slog.Logger
}

// Demo is the whole product on a built-in provider.
type Demo struct {
	// Issuer is the provider's, Address the exporter's, Token what it accepts.
	Issuer, Address, Token string

	app      *App
	provider *demo.Running
	storage  string // a folder that goes with the demo
}

// NewDemo starts the provider and opens the exporter's listener.
func NewDemo(ctx context.Context, o DemoOptions) (*Demo, error) {
	if o.Token == "" {
		token, _, err := access.CreateToken("demo", []string{access.All})
		if err != nil {
			return nil, err
		}
		o.Token = token
	}
	provider, err := demo.Start(ctx, demo.StartOptions{Addr: o.ProviderListen, Logger: o.Logger.With("part", "provider"), SlowLogin: demoSlowLogin})
	if err != nil {
		return nil, err
	}
	d := &Demo{Issuer: provider.Issuer, Token: o.Token, provider: provider}
	if d.storage, err = os.MkdirTemp("", "idp_exporter-demo-"); err == nil {
		d.app, err = newDemoApp(ctx, provider, o, d.storage)
	}
	if err != nil {
		_ = provider.Close()
		_ = os.RemoveAll(d.storage)
		return nil, err
	}
	d.Address = d.app.Addresses()[0]
	return d, nil
}

func newDemoApp(ctx context.Context, p *demo.Running, o DemoOptions, storage string) (*App, error) {
	text, err := demoConfigFor(p, o.Token)
	if err != nil {
		return nil, err
	}
	kinds := NewKinds()
	load := func() (*config.Config, error) {
		c, err := config.Parse(text, "demo.yml", kinds)
		if err != nil {
			return nil, fmt.Errorf("the demo's configuration: %w", err)
		}
		c.Warnings = nil // the demo's credentials are public
		if o.BridgesFile == "" {
			return c, nil
		}
		more, err := config.LoadBridges(o.BridgesFile, kinds)
		if err != nil {
			return nil, err
		}
		c.Exporter, c.Alarms, c.Bridges, c.SNMP, c.Warnings = more.Exporter, more.Alarms, more.Bridges, more.SNMP, more.Warnings
		return c, nil
	}
	c, err := load()
	if err != nil {
		return nil, err
	}
	return New(ctx, c, Options{
		StoragePath: storage,
		Web:         Web{Listen: []string{o.Listen}}, Kinds: kinds, Load: load, Logger: o.Logger, Switches: demoSwitches{p.Provider},
	})
}

func demoConfigFor(p *demo.Running, token string) ([]byte, error) {
	t, err := template.New("demo.yml").Option("missingkey=error").Parse(demoConfig)
	if err != nil {
		return nil, fmt.Errorf("the demo's configuration: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{
		"Issuer": p.Issuer, "ClientID": demo.ClientID, "ClientSecret": demo.ClientSecret, "RedirectURI": demo.RedirectURI,
		"MachineClientID": demo.MachineClientID, "MachineClientSecret": demo.MachineClientSecret,
		"Username": demo.Username, "Password": demo.Password, "BlockedUsername": demo.BlockedUsername, "BlockedPassword": demo.BlockedPassword,
		"Audience": demo.Audience, "ClaimCRMID": demo.ClaimCRMID, "CRMID": demo.CRMID, "ClaimRule": demo.ClaimRule, "RuleName": demo.RuleName,
		"TokenHash": access.HashToken(token),
	})
	return b.Bytes(), err
}

// Run serves until ctx ends.
func (d *Demo) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.app.Run(ctx, make(chan os.Signal)) })
	group.Go(d.provider.Wait)
	err := group.Wait()
	return cmp.Or(err, d.provider.Close(), os.RemoveAll(d.storage))
}

// demoSwitches lets the exporter's routes throw the provider's switches.
type demoSwitches struct{ provider *demo.Provider }

// List implements web.Switches.
func (s demoSwitches) List() []web.Switch {
	var list []web.Switch
	for _, w := range s.provider.Switches() {
		list = append(list, web.Switch{Name: w.Name, Description: w.Description, On: w.Broken})
	}
	return list
}

// Set implements web.Switches.
func (s demoSwitches) Set(name string, on bool) error { return s.provider.Set(name, on) }
