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

type drainOptions struct {
	client.Options
	tokenFile, node, length string
	nodeGiven, lengthGiven  bool
}

func drainCommand(a *kingpin.Application, io stdio, do actions) {
	drain := a.Command("drain", "Take a node out of its load balancer, and put it back. It goes on being measured and raises no alarm.")
	o := drainOptions{}
	drain.Flag("node", "The node; without it, the exporter's own answer.").IsSetByUser(&o.nodeGiven).StringVar(&o.node)
	drain.Flag("url", "Where the exporter is found.").Default("http://" + demoAddress).StringVar(&o.URL)
	drain.Flag("token-file", "A file with a token of the scope admin; without it, "+tokenEnv+" in the environment holds the token.").StringVar(&o.tokenFile)
	drain.Flag("ca-file", "Certificates (PEM) that the exporter's has to be signed by; without it, those of the system.").StringVar(&o.CAFile)
	drain.Flag("timeout", "How long to wait for the answer.").Default("30s").DurationVar(&o.Timeout)

	register := func(name, help string, act func(context.Context, *client.Client) (fmt.Stringer, error)) *kingpin.CmdClause {
		command := drain.Command(name, help)
		do[command.FullCommand()] = func(ctx context.Context) error {
			c, err := o.client()
			if err != nil {
				return err
			}
			inForce, err := act(ctx, c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(io.out, inForce)
			return err
		}
		return command
	}
	on := register("on", "Take it out. Doing it twice sets the end anew.", func(ctx context.Context, c *client.Client) (fmt.Stringer, error) {
		return c.Drain(ctx, o.node, o.length)
	})
	on.Flag("for", "How long, such as 30m, 1h30m or 2d; without it, until `drain off`.").IsSetByUser(&o.lengthGiven).StringVar(&o.length)
	register("off", "Put it back.", func(ctx context.Context, c *client.Client) (fmt.Stringer, error) {
		return c.Undrain(ctx, o.node)
	})
	register("status", "Tell what is drained.", func(ctx context.Context, c *client.Client) (fmt.Stringer, error) {
		if o.nodeGiven {
			return c.Drained(ctx, o.node)
		}
		return c.Drains(ctx)
	})
}

// client refuses empty values, which an unset variable of a script leaves: they
// would drain another thing, or for another time, than was meant.
func (o drainOptions) client() (*client.Client, error) {
	token := os.Getenv(tokenEnv)
	switch {
	case o.nodeGiven && o.node == "":
		return nil, errors.New("--node is empty; leave it out to mean the exporter's own answer")
	case o.lengthGiven && o.length == "":
		return nil, errors.New("--for is empty; leave it out to drain until `idp_exporter drain off`")
	case o.Timeout <= 0:
		return nil, errors.New("--timeout has to be more than 0s")
	case o.tokenFile != "":
		o.Token = secret.FromFile(o.tokenFile)
	case token != "":
		o.Token = secret.New(token)
	default:
		return nil, fmt.Errorf("a token with the scope admin is needed: give --token-file, or set %s; "+
			"`idp_exporter token create --scope=admin` makes one", tokenEnv)
	}
	return client.New(o.Options)
}
