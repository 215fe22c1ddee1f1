package main

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

func TestTokenCreate(t *testing.T) {
	t.Parallel()
	create := func(args ...string) (string, error) {
		var out bytes.Buffer
		app, do := kingpin.New("idp_exporter", ""), make(actions)
		tokenCommand(app, stdio{nil, &out, &out}, do)
		parsed, err := app.Parse(append([]string{"token", "create"}, args...))
		require.NoError(t, err)
		err = do[parsed](t.Context())
		return out.String(), err
	}
	for _, c := range []struct {
		args  []string
		valid time.Duration
	}{
		{nil, 0},
		{[]string{"--expires=90d"}, 90 * 24 * time.Hour},
		{[]string{"--expires=12w", "--name=scom", "--scope=testall", "--scope=page"}, 12 * 7 * 24 * time.Hour},
	} {
		before := time.Now()
		out, err := create(c.args...)
		require.NoError(t, err)
		token := regexp.MustCompile(`(?m)^    (idp_[A-Za-z0-9_-]{43})$`).FindStringSubmatch(out)
		require.Len(t, token, 2)
		// What is to be put into the configuration can be read, and fits the token.
		var doc struct {
			Access struct {
				Tokens []struct {
					Name, Hash string
					Scopes     []string
					NotAfter   string `yaml:"not_after"`
				}
			}
		}
		require.NoError(t, yaml.Unmarshal([]byte(out[bytes.Index([]byte(out), []byte("    access:")):]), &doc))
		require.Len(t, doc.Access.Tokens, 1)
		entry := doc.Access.Tokens[0]
		require.Equal(t, access.HashToken(token[1]), entry.Hash)
		var end access.Time
		if c.valid == 0 {
			require.Empty(t, entry.NotAfter)
		} else {
			require.NoError(t, end.UnmarshalText([]byte(entry.NotAfter)))
			at, err := time.Parse(time.RFC3339, entry.NotAfter)
			require.NoError(t, err)
			require.WithinRange(t, at, before.Add(c.valid-time.Second), time.Now().Add(c.valid))
		}
		config := access.Config{Tokens: []access.Token{{Name: entry.Name, Hash: entry.Hash, Scopes: entry.Scopes, Bounds: access.Bounds{NotAfter: end}}}}
		require.Empty(t, config.Check())
	}
	for _, arg := range []string{"--expires=soon", "--expires=0d", "--expires=90", "--expires=-1d"} {
		out, err := create(arg)
		require.ErrorContains(t, err, "90d")
		require.NotContains(t, out, "idp_")
	}
}
