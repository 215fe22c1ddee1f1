package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/client"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func bridgeCommand(a *kingpin.Application, io stdio, do actions) {
	bridge := a.Command("bridge", "Try the bridges of a running exporter, tell how their deliveries stand, and replay what was refused.")
	o := bridgeOptions{}
	bridge.Flag("url", "Where the exporter is found.").Default("http://" + demoAddress).StringVar(&o.URL)
	bridge.Flag("token-file", "A file with a token of the scope admin (list: page); without it, "+tokenEnv+" in the environment holds the token.").StringVar(&o.tokenFile)
	bridge.Flag("ca-file", "Certificates (PEM) that the exporter's has to be signed by; without it, those of the system.").StringVar(&o.CAFile)
	bridge.Flag("timeout", "How long to wait for the answer.").Default("2m").DurationVar(&o.Timeout)

	test := bridge.Command("test", "Send a test alarm and its clear, and say what is proven of their arrival and what is not.")
	name := test.Arg("name", "The bridge.").Required().String()
	do[test.FullCommand()] = func(ctx context.Context) error {
		c, err := o.client("admin")
		if err != nil {
			return err
		}
		report, err := c.TestBridge(ctx, *name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(io.out, report); err != nil {
			return err
		}
		if !report.OK {
			return exitError(1)
		}
		return nil
	}

	list := bridge.Command("list", "Tell how each destination stands, and of dead letters.")
	do[list.FullCommand()] = func(ctx context.Context) error {
		c, err := o.client("")
		if err != nil {
			return err
		}
		alarms, err := c.Alarms(ctx, 0)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(io.out, alarms.Bridges())
		return err
	}

	replay := bridge.Command("replay", "Tell a destination anew of what it has refused for good.")
	id := replay.Arg("id", "The ID of the dead letter, or all.").Required().String()
	do[replay.FullCommand()] = func(ctx context.Context) error {
		c, err := o.client("admin")
		if err != nil {
			return err
		}
		n := 1
		if *id == "all" {
			n, err = c.ReplayAll(ctx)
		} else {
			err = c.Replay(ctx, *id)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, "%d on the way again; `idp_exporter bridge list` tells what becomes of it\n", n)
		return err
	}
}

type bridgeOptions struct {
	client.Options
	tokenFile string
}

// client needs a token for the scope, or none where that is empty.
func (o bridgeOptions) client(scope string) (*client.Client, error) {
	token := os.Getenv(tokenEnv)
	switch {
	case o.Timeout <= 0:
		return nil, errors.New("--timeout has to be more than 0s")
	case o.tokenFile != "":
		o.Token = secret.FromFile(o.tokenFile)
	case token != "":
		o.Token = secret.New(token)
	case scope != "":
		return nil, fmt.Errorf("a token with the scope %[1]s is needed: give --token-file, or set %[2]s; "+
			"`idp_exporter token create --scope=%[1]s` makes one", scope, tokenEnv)
	}
	return client.New(o.Options)
}
