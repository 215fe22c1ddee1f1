package bridges_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/eif"
	execbridge "github.com/idp-exporter/idp_exporter/bridges/exec"
	"github.com/idp-exporter/idp_exporter/bridges/syslog"
	"github.com/idp-exporter/idp_exporter/bridges/webhook"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
)

var secretFile = regexp.MustCompile(`(\w+)_file: ([a-z-]+)`)

// TestExamples: each example of these kinds is read strictly, as the exporter
// reads it, checked, and can be opened. It has a bridge of its file's name.
func TestExamples(t *testing.T) {
	t.Parallel()
	kinds := map[string]bridges.Kind{}
	for _, k := range []bridges.Kind{eif.Kind(), webhook.Kind(), syslog.Kind(), execbridge.Kind()} {
		require.NotEmpty(t, k.Summary)
		kinds[k.Name] = k
	}
	files, err := filepath.Glob("../examples/bridges/*.yml")
	require.NoError(t, err)
	tried := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		dir := t.TempDir()
		for _, m := range secretFile.FindAllStringSubmatch(string(content), -1) {
			value := "a secret"
			if m[1] == "url" {
				value = "https://chat.example/hook"
			}
			require.NoError(t, os.WriteFile(filepath.Join(dir, m[2]), []byte(value), 0o600))
		}
		var raw struct {
			Bridges []yaml.Node `yaml:"bridges"`
		}
		require.NoError(t, yaml.Unmarshal(content, &raw), file)
		for i := range raw.Bridges {
			var head struct{ Name, Kind string }
			require.NoError(t, raw.Bridges[i].Decode(&head))
			kind, ours := kinds[head.Kind]
			if !ours {
				continue
			}
			tried++
			if i == 0 {
				require.Equal(t, strings.TrimSuffix(filepath.Base(file), ".yml"), head.Name)
			}
			text, err := yaml.Marshal(&raw.Bridges[i])
			require.NoError(t, err)
			doc := strict.Parse(strings.NewReader(string(text)), file, dir)
			common := alarm.NewConfig().NewCommon()
			options := kind.NewOptions()
			doc.Decode(doc.Root, "", &common, options)
			require.Empty(t, doc.Problems(), file)
			for _, p := range options.Check(bridges.Setting{Name: head.Name}) {
				require.True(t, head.Kind == "exec" && p.Warning, "%s: %v", file, p)
			}
			destinations, err := options.New(bridges.Setting{Name: head.Name, Exporter: "exporter1"})
			require.NoError(t, err, file)
			for _, d := range destinations {
				require.NotContains(t, d.Name, "hook")
				require.NoError(t, d.Deliverer.Close())
			}
		}
	}
	require.Equal(t, 11, tried)
}
