package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/probes"
)

// checkExample decodes and checks the probes of an example, all of which have to
// be of one kind.
func checkExample(t *testing.T, doc *strict.Document, kinds map[string]probes.Kind, name string) {
	t.Helper()
	provider := &probes.Provider{Issuer: "https://login.example.com/"}
	found := 0
	for i := 0; i+1 < len(doc.Root.Content); i += 2 {
		if doc.Root.Content[i].Value != "probes" {
			continue
		}
		for n, node := range doc.Root.Content[i+1].Content {
			found++
			kind := kinds[kindOf(node)]
			require.Equal(t, name, kind.Name)
			options := kind.NewOptions()
			doc.Decode(node, fmt.Sprintf("probes[%d]", n), &anyProbe{}, options)
			for _, p := range options.Check(probes.Setting{Provider: provider, Every: time.Minute, Timeout: 30 * time.Second}) {
				t.Errorf("%s.yml: probes[%d].%s: %s", name, n, p.Path, p.Message)
			}
			_, err := options.New(probes.Target{Probe: name, Provider: provider, Every: time.Minute})
			require.NoError(t, err)
		}
	}
	require.Empty(t, doc.Problems())
	require.Positive(t, found, name)
}

func kindOf(node *yaml.Node) string {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == "kind" {
			return node.Content[i+1].Value
		}
	}
	return ""
}
