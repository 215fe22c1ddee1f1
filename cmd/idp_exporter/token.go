package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

func tokenCommand(a *kingpin.Application, std stdio, do actions) {
	token := a.Command("token", "Access tokens.")
	c := token.Command("create", "Make an access token and the hash to put into the configuration. The token is shown once.")
	name := c.Flag("name", "Who will use it; without this flag, prometheus for metrics, else the scopes.").String()
	scopes := c.Flag("scope", "What it may do; repeat for several: "+scopeNames()+".").Default("metrics").Strings()
	expires := c.Flag("expires", "How long it is valid, such as 90d, 12w or 36h; without this flag, for ever.").String()
	do[c.FullCommand()] = func(context.Context) error {
		if *name == "" {
			*name = strings.Join(*scopes, "-")
			if *name == access.Metrics.String() {
				*name = "prometheus"
			}
		}
		value, entry, err := access.CreateToken(*name, *scopes)
		if err != nil {
			return err
		}
		if *expires != "" {
			valid, err := model.ParseDuration(*expires)
			if err != nil || valid <= 0 {
				return fmt.Errorf("--expires=%s is no time to be valid for; write one such as 90d, 12w or 36h", *expires)
			}
			entry.NotAfter = access.At(time.Now().Add(time.Duration(valid)).UTC().Truncate(time.Second))
		}
		return writeToken(std.out, value, entry)
	}
}

func writeToken(w io.Writer, value string, entry access.Token) error {
	ends := ""
	if !entry.NotAfter.IsZero() {
		ends = "\n          not_after: " + entry.NotAfter.String()
	}
	_, err := fmt.Fprintf(w, `The token, shown this once; give it to whoever asks for the answers:

    %s

What to add to the configuration, which holds only its hash:

    access:
      tokens:
        - name: %s
          hash: %s
          scopes: [%s]%s
`, value, entry.Name, entry.Hash, strings.Join(entry.Scopes, ", "), ends)
	return err
}

func scopeNames() string {
	names := []string{access.All}
	for _, s := range access.Scopes() {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}
