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
	// Listen is the exporter's address, ProviderListen the provider's and
	// ApplianceListen the appliance's; all on loopback.
	Listen, ProviderListen, ApplianceListen string
	// Token is the one token the exporter accepts; "" makes one.
	Token string
	// BridgesFile is a configuration file whose bridges the demo tells of its
	// alarms: see config.LoadBridges for what else in it counts. Empty is none.
	BridgesFile string
	Logger      *slog.Logger
}

// Demo is the whole product on a built-in provider and appliance.
type Demo struct {
	// Issuer is the provider's, ApplianceURL the appliance's, Address the
	// exporter's, Token what it accepts.
	Issuer, ApplianceURL, Address, Token string

	app       *App
	provider  *demo.Running
	appliance *demo.RunningAppliance
	storage   string // a folder that goes with the demo
}

// NewDemo starts provider and appliance and opens the exporter's listener.
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
	if err := d.open(ctx, o); err != nil {
		return nil, cmp.Or(err, d.close())
	}
	return d, nil
}

// open does what is left after the provider has started.
func (d *Demo) open(ctx context.Context, o DemoOptions) error {
	var err error
	if d.appliance, err = demo.StartAppliance(ctx, o.ApplianceListen, demo.ApplianceOptions{Logger: o.Logger.With("part", "appliance")}); err != nil {
		return err
	}
	d.ApplianceURL = d.appliance.URL
	if d.storage, err = os.MkdirTemp("", "idp_exporter-demo-"); err != nil {
		return err
	}
	if d.app, err = d.newApp(ctx, o); err != nil {
		return err
	}
	d.Address = d.app.Addresses()[0]
	return nil
}

// close ends everything but the exporter, and waits for the end.
func (d *Demo) close() error {
	var err error
	if d.appliance != nil {
		err = d.appliance.Close()
	}
	return cmp.Or(err, d.provider.Close(), os.RemoveAll(d.storage))
}

func (d *Demo) newApp(ctx context.Context, o DemoOptions) (*App, error) {
	text, err := d.config()
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
		StoragePath: d.storage,
		Web:         Web{Listen: []string{o.Listen}}, Kinds: kinds, Load: load, Logger: o.Logger,
		Switches: demoSwitches{demo.Boards{d.provider.Provider, d.appliance}},
	})
}

func (d *Demo) config() ([]byte, error) {
	t, err := template.New("demo.yml").Option("missingkey=error").Parse(demoConfig)
	if err != nil {
		return nil, fmt.Errorf("the demo's configuration: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{
		"Issuer": d.Issuer, "ClientID": demo.ClientID, "ClientSecret": demo.ClientSecret, "RedirectURI": demo.RedirectURI,
		"MachineClientID": demo.MachineClientID, "MachineClientSecret": demo.MachineClientSecret,
		"Username": demo.Username, "Password": demo.Password, "BlockedUsername": demo.BlockedUsername, "BlockedPassword": demo.BlockedPassword,
		"Audience": demo.Audience, "ClaimCRMID": demo.ClaimCRMID, "CRMID": demo.CRMID, "ClaimRule": demo.ClaimRule, "RuleName": demo.RuleName,
		"ApplianceURL": d.ApplianceURL, "ApplianceKey": demo.ApplianceKey, "ApplianceHost": demo.ApplianceHost,
		"TokenHash": access.HashToken(d.Token),
	})
	return b.Bytes(), err
}

// Run serves until ctx ends.
func (d *Demo) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.app.Run(ctx, make(chan os.Signal)) })
	group.Go(d.provider.Wait)
	err := group.Wait()
	return cmp.Or(err, d.close())
}

// demoSwitches lets the exporter's routes throw the demo's switches.
type demoSwitches struct{ board demo.Board }

// List implements web.Switches.
func (s demoSwitches) List() []web.Switch {
	var list []web.Switch
	for _, w := range s.board.Switches() {
		list = append(list, web.Switch{Name: w.Name, Description: w.Description, On: w.Broken})
	}
	return list
}

// Set implements web.Switches.
func (s demoSwitches) Set(name string, on bool) error { return s.board.Set(name, on) }
