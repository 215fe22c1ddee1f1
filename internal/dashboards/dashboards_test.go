package dashboards

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	shipped "github.com/idp-exporter/idp_exporter/dashboards"
)

// TestMain tells the SDK, which keeps them globally, the panels and queries that
// may occur; it reads others without a look.
func TestMain(m *testing.M) {
	r := cog.NewRuntime()
	r.RegisterPanelcfgVariant(stat.VariantConfig())
	r.RegisterPanelcfgVariant(bargauge.VariantConfig())
	r.RegisterPanelcfgVariant(timeseries.VariantConfig())
	r.RegisterPanelcfgVariant(statetimeline.VariantConfig())
	r.RegisterPanelcfgVariant(table.VariantConfig())
	r.RegisterDataqueryVariant(prometheus.VariantConfig())
	os.Exit(m.Run())
}

const folder = "../../dashboards"

var uids = []string{"idp-exporter-sign-in", "idp-exporter-logins", "idp-exporter-cluster", "idp-exporter-dependencies", "idp-exporter-operations"}

func TestTheStoredDashboardsAreThoseOfTheGenerator(t *testing.T) {
	t.Parallel()
	files, err := Generate()
	require.NoError(t, err)
	stored, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	require.Len(t, stored, len(files))
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "%s is not what the generator makes: run go generate ./dashboards", name)
	}
	require.Equal(t, Site, shipped.Site)
}

// load reads a stored dashboard and refuses fields that Grafana does not know.
func load(t *testing.T, name string) model {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(t, err)
	d, err := strictly(content)
	require.NoError(t, err, name)
	return d
}

// strictly reads a dashboard and refuses what Grafana's schema does not know. The
// SDK's strict reading returns an empty list of errors, which is not nil, where it
// found none, and stops short at some objects; so the dashboard is also read in
// the ordinary way, and has to be the same when it is written again.
func strictly(content []byte) (model, error) {
	var looked, read model
	for _, err := range []error{looked.UnmarshalJSONStrict(content), json.Unmarshal(content, &read), read.Validate()} {
		var list cog.BuildErrors
		if errors.As(err, &list) && len(list) == 0 {
			continue
		}
		if err != nil {
			return read, err
		}
	}
	again, err := json.Marshal(read)
	if err != nil {
		return read, err
	}
	var before, after any
	if err := errors.Join(json.Unmarshal(content, &before), json.Unmarshal(again, &after)); err != nil {
		return read, err
	}
	if !reflect.DeepEqual(before, after) {
		return read, errors.New("something in it does not survive being read and written")
	}
	return read, nil
}

func TestEveryDashboardLoadsStrictlyAndIsComplete(t *testing.T) {
	t.Parallel()
	titles := map[string]bool{}
	for _, uid := range uids {
		d := load(t, uid+".json")
		require.Equal(t, uid, *d.Uid, "the uid is what links and provisioning know the dashboard by")
		require.LessOrEqual(t, len(uid), 40, "Grafana's limit")
		require.Nil(t, d.Id, "an id belongs to one installation")
		require.False(t, titles[*d.Title], *d.Title)
		titles[*d.Title] = true
		require.NotEmpty(t, *d.Description)

		names := []string{}
		for _, v := range d.Templating.List {
			names = append(names, v.Name)
		}
		require.Equal(t, []string{"datasource", "provider", "node"}, names)
		annotated := ""
		for _, a := range d.Annotations.List {
			annotated += *a.Expr
			require.Equal(t, "${datasource}", *a.Datasource.Uid)
		}
		for _, metric := range []string{"idp_maintenance_active", "idp_node_drained", "idp_nodes_disagree"} {
			require.Contains(t, annotated, metric)
		}
		for _, l := range d.Links {
			if l.Url != nil {
				leadsSomewhere(t, uid, *l.Url)
			}
		}
		checkPanels(t, d)
	}
}

// leadsSomewhere checks that a link is to a file that the project has.
func leadsSomewhere(t *testing.T, where, url string) {
	t.Helper()
	path, ours := strings.CutPrefix(url, Site)
	require.True(t, ours, "%s: %s", where, url)
	require.FileExists(t, filepath.Join("../..", path), where)
}

func checkPanels(t *testing.T, d model) {
	t.Helper()
	ids, taken := map[uint32]bool{}, map[[2]uint32]string{}
	for _, either := range d.Panels {
		if either.RowPanel != nil {
			require.False(t, ids[either.RowPanel.Id], "id of row %s", *either.RowPanel.Title)
			ids[either.RowPanel.Id] = true
			continue
		}
		p := either.Panel
		where := *d.Uid + ": " + *p.Title
		require.False(t, ids[*p.Id], where)
		ids[*p.Id] = true
		require.NotEmpty(t, *p.Description, where)
		require.Equal(t, "${datasource}", *p.Datasource.Uid, where)
		_, known := cog.ConfigForPanelcfgVariant(p.Type)
		require.True(t, known, "%s: panel type %s is read without a look", where, p.Type)
		require.NotEmpty(t, p.Targets, where)
		for _, target := range p.Targets {
			q, ok := target.(prometheus.Dataquery)
			if !ok {
				pointer, is := target.(*prometheus.Dataquery)
				require.True(t, is, "%s: %T is read without a look", where, target)
				q = *pointer
			}
			require.NotEmpty(t, q.Expr, where)
			require.Equal(t, "${datasource}", *q.Datasource.Uid, where)
			if len(p.Targets) > 1 || p.Type == "timeseries" || p.Type == "state-timeline" || p.Type == "bargauge" {
				require.NotNil(t, q.LegendFormat, where)
			}
		}
		for _, l := range p.Links {
			leadsSomewhere(t, where, *l.Url)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			require.Less(t, x, uint32(24), where)
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				require.Empty(t, taken[[2]uint32{x, y}], "%s overlaps", where)
				taken[[2]uint32{x, y}] = where
			}
		}
	}
}

// free are the objects that Grafana's schema leaves free: the options of a
// transformation, and maps whose keys are values or names.
var free = regexp.MustCompile(`/transformations/\d+/options(/\w+)?$|/mappings/\d+/options$`)

// TestWhatGrafanaDoesNotKnowIsRefused puts an unknown key into every object of the
// dashboard that has most kinds of them, one at a time, to show that strict loading
// looks everywhere.
func TestWhatGrafanaDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(folder, "idp-exporter-dependencies.json"))
	require.NoError(t, err)
	var d any
	require.NoError(t, json.Unmarshal(content, &d))
	tried := 0
	each(d, "", func(path string, object map[string]any) {
		if free.MatchString(path) {
			return
		}
		tried++
		object["notAKey"] = 1
		changed, err := json.Marshal(d)
		require.NoError(t, err)
		delete(object, "notAKey")
		_, err = strictly(changed)
		require.Error(t, err, "an unknown key in %s is not seen", path)
	})
	require.Greater(t, tried, 200)
}

// each calls f for every object in a JSON document.
func each(v any, path string, f func(path string, object map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		f(path, v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			each(v[key], path+"/"+key, f)
		}
	case []any:
		for i, element := range v {
			each(element, path+"/"+strconv.Itoa(i), f)
		}
	}
}

// TestTheExporterDoesNotCarryTheSDK keeps some 20 MB of generated code out of it.
func TestTheExporterDoesNotCarryTheSDK(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "../../cmd/idp_exporter").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "idp_exporter/internal/app\n")
	require.NotContains(t, string(out), "grafana")
}

// The keys of Grafana's provisioning files that are used here
// (Grafana documentation, "Provision Grafana").
type (
	datasourceFile struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name     string         `yaml:"name"`
			UID      string         `yaml:"uid"`
			Type     string         `yaml:"type"`
			Access   string         `yaml:"access"`
			URL      string         `yaml:"url"`
			Editable bool           `yaml:"editable"`
			JSONData map[string]any `yaml:"jsonData"`
		} `yaml:"datasources"`
	}
	providerFile struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name                  string            `yaml:"name"`
			OrgID                 int               `yaml:"orgId"`
			Type                  string            `yaml:"type"`
			Folder                string            `yaml:"folder"`
			FolderUID             string            `yaml:"folderUid"`
			DisableDeletion       bool              `yaml:"disableDeletion"`
			AllowUIUpdates        bool              `yaml:"allowUiUpdates"`
			UpdateIntervalSeconds int               `yaml:"updateIntervalSeconds"`
			Options               map[string]string `yaml:"options"`
		} `yaml:"providers"`
	}
)

func TestTheProvisioningFilesHaveGrafanasForm(t *testing.T) {
	t.Parallel()
	read := func(name string, into any) {
		content, err := os.ReadFile(filepath.Join(folder, "provisioning", name))
		require.NoError(t, err)
		decoder := yaml.NewDecoder(bytes.NewReader(content))
		decoder.KnownFields(true)
		require.NoError(t, decoder.Decode(into), name)
	}
	var sources datasourceFile
	read("datasources/idp_exporter.yml", &sources)
	require.Equal(t, 1, sources.APIVersion)
	require.Len(t, sources.Datasources, 1)
	require.Equal(t, "prometheus", sources.Datasources[0].Type)
	require.Equal(t, "proxy", sources.Datasources[0].Access)
	var providers providerFile
	read("dashboards/idp_exporter.yml", &providers)
	require.Equal(t, 1, providers.APIVersion)
	require.Len(t, providers.Providers, 1)
	require.Equal(t, "file", providers.Providers[0].Type)
	require.NotEmpty(t, providers.Providers[0].Options["path"])
}
