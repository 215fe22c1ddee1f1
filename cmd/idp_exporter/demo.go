package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/logging"
)

const (
	demoAddress = "127.0.0.1:9110"
	tokenEnv    = "IDP_EXPORTER_TOKEN"
)

func demoCommand(a *kingpin.Application, io stdio, do actions) {
	parent := a.Command("demo", "The whole product on a built-in provider: nothing to install, nothing to configure.")
	o := app.DemoOptions{}
	parent.Flag("web.listen-address", "Where the demo's exporter listens.").Default(demoAddress).StringVar(&o.Listen)
	parent.Flag("token", "The one token it accepts; made at random and printed if not given.").Envar(tokenEnv).StringVar(&o.Token)

	run := parent.Command("run", "Start the provider and the exporter probing it (the default).").Default()
	run.Flag("provider.listen-address", "Where the built-in provider listens.").Default("127.0.0.1:9111").StringVar(&o.ProviderListen)
	run.Flag("appliance.listen-address", "Where the built-in appliance listens, whose monitoring endpoints are emulated; port 0 is a free one.").
		Default("127.0.0.1:0").StringVar(&o.ApplianceListen)
	run.Flag("config.file", "A configuration file whose bridges are told of the demo's alarms; exporter, alarms, bridges and snmp in it count, nothing else.").StringVar(&o.BridgesFile)
	level := run.Flag("log.level", "debug, info, warn or error.").Default("error").Enum("debug", "info", "warn", "error")
	do[run.FullCommand()] = func(ctx context.Context) error { return runDemo(ctx, o, *level, io) }

	for _, s := range []struct{ verb, help, state string }{
		{"break", "Throw one of a running demo's switches; demo break --help lists them.", "on"},
		{"repair", "Put one of a running demo's switches back.", "off"},
	} {
		c := parent.Command(s.verb, s.help)
		name := c.Arg("name", "One of "+demo.SwitchNames(demo.Switches())+".").Required().String()
		do[c.FullCommand()] = func(ctx context.Context) error {
			if o.Token == "" {
				return fmt.Errorf("give --token, or set %s: the demo printed its token when it started", tokenEnv)
			}
			return throwSwitch(ctx, "http://"+o.Listen+"/demo/"+url.PathEscape(*name)+"/"+s.state, o.Token, io.out)
		}
	}
}

func runDemo(ctx context.Context, o app.DemoOptions, level string, io stdio) error {
	logger, err := logging.New(io.err, level, "logfmt")
	if err != nil {
		return err
	}
	o.Logger = logger.Logger
	d, err := app.NewDemo(ctx, o)
	if err != nil {
		return fmt.Errorf("%w; other addresses: --web.listen-address, --provider.listen-address and --appliance.listen-address", err)
	}
	_, _ = fmt.Fprintf(io.out, demoText, d.Issuer, d.Address, d.Token, tokenEnv, os.Args[0], d.ApplianceURL)
	return d.Run(ctx)
}

const demoText = `The demo is running. The exporter
  signs in every 2 seconds to the OpenID provider at %[1]s
  and asks for the health of the appliance at %[6]s

  open                                                  http://%[2]s/  (user: any, password: the token)
  can people sign in?    curl http://%[2]s/testall

  the token              export %[4]s=%[3]s
  each probe             curl -H "Authorization: Bearer $%[4]s" 'http://%[2]s/testall?verbose'
  metrics                curl -H "Authorization: Bearer $%[4]s" http://%[2]s/metrics

  break something        %[5]s demo break wrong-password --web.listen-address=%[2]s
  put it right           %[5]s demo repair wrong-password --web.listen-address=%[2]s
  what else there is     %[5]s demo break --help

Ctrl-C ends it.
`

func throwSwitch(ctx context.Context, target, token string, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("%w; is `idp_exporter demo` running there?", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("the demo answered %s: %s", resp.Status, strings.TrimSpace(string(answer)))
	}
	_, err = out.Write(answer)
	return err
}
