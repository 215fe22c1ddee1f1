package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

func tokenCommand(a *kingpin.Application, io stdio, do actions) {
	token := a.Command("token", "Access tokens.")
	c := token.Command("create", "Make an access token and the hash to put into the configuration. The token is shown once.")
	name := c.Flag("name", "Who will use it, such as prometheus.").Default("prometheus").String()
	scopes := c.Flag("scope", "What it may do; repeat for several: "+scopeNames()+".").Default("metrics").Strings()
	do[c.FullCommand()] = func(context.Context) error {
		value, entry, err := access.CreateToken(*name, *scopes)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(io.out, `The token, shown this once; give it to whoever asks for the answers:

    %s

What to add to the configuration, which holds only its hash:

    access:
      tokens:
        - name: %s
          hash: %s
          scopes: [%s]
`, value, entry.Name, entry.Hash, strings.Join(entry.Scopes, ", "))
		return err
	}
}

func scopeNames() string {
	names := []string{access.All}
	for _, s := range access.Scopes() {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}
