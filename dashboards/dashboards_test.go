package dashboards

import (
	"encoding/json"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRenderPutsTheSiteInPlaceOfTheProjectsOwn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ site, want string }{
		{"", Site + "docs/runbooks/"},
		{"https://wiki.example.com/idp", "https://wiki.example.com/idp/docs/runbooks/"},
		{"https://wiki.example.com/idp/", "https://wiki.example.com/idp/docs/runbooks/"},
		{`https://wiki.example.com/a"b\c/`, `https://wiki.example.com/a"b\c/docs/runbooks/`},
	} {
		files, err := Render(tt.site)
		require.NoError(t, err)
		boards := 0
		for name, content := range files {
			if path.Ext(name) != ".json" {
				continue
			}
			boards++
			if tt.site != "" {
				require.NotContains(t, string(content), Site, name)
			}
			var d struct {
				Links []struct{ URL string }
			}
			require.NoError(t, json.Unmarshal(content, &d), name)
			found := false
			for _, l := range d.Links {
				found = found || strings.HasPrefix(l.URL, tt.want)
			}
			require.True(t, found, "%s has no link to the runbooks below %s", name, tt.want)
		}
		require.Equal(t, 5, boards)
		require.Contains(t, files, "provisioning/datasources/idp_exporter.yml")
		require.Contains(t, files, "provisioning/dashboards/idp_exporter.yml")
		require.Contains(t, files, "README.md")
	}
}
