package test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// composeFile is what compose.yml may have; a key that is not here is refused.
type composeFile struct {
	Name     string
	Services map[string]composeService
	Secrets  map[string]struct{ Environment string }
}

type composeService struct {
	Image       string
	Build       struct{ Context, Dockerfile, Target string }
	Command     []string
	Environment map[string]string
	NetworkMode string `yaml:"network_mode"`
	Volumes     []string
	Ports       []string
	Secrets     []struct{ Source, Target string }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct {
		Test              []string
		Interval, Timeout string
		Retries           int
	}
}

// mounted returns where in the container files of the repository are, by the
// container's path.
func (s composeService) mounted(t *testing.T, name string) map[string]string {
	t.Helper()
	targets := map[string]string{}
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		require.Len(t, parts, 3, v)
		require.Equal(t, "ro", parts[2], "%s: %s", name, v)
		require.True(t, strings.HasPrefix(parts[0], "."), "%s: %s is of the repository", name, v)
		source := filepath.Join(stackDir, parts[0])
		_, err := os.Stat(source)
		require.NoError(t, err, "%s: %s", name, v)
		targets[parts[1]] = source
	}
	return targets
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, into), path)
}

func readCompose(t *testing.T) composeFile {
	t.Helper()
	content, err := os.ReadFile(stackDir + "/compose.yml")
	require.NoError(t, err)
	var c composeFile
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	require.NoError(t, d.Decode(&c))
	require.Len(t, c.Services, 5)
	return c
}

func TestTheComposeFileIsWellFormed(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	dockerfile, err := os.ReadFile(stackDir + "/Dockerfile")
	require.NoError(t, err)
	published := 0
	for name, s := range c.Services {
		if s.Image == "" {
			require.FileExists(t, filepath.Join(stackDir, s.Build.Context, s.Build.Dockerfile))
			require.Regexp(t, `(?m)^FROM \S+ AS `+s.Build.Target+`$`, string(dockerfile))
			require.FileExists(t, filepath.Join(stackDir, s.Build.Context, "go.mod"))
		} else {
			require.Regexp(t, `^[a-z]+/[a-z]+:v?\d+\.\d+\.\d+$`, s.Image, "%s: no registry, and a version", name)
		}
		for _, p := range s.Ports {
			require.Regexp(t, `^127\.0\.0\.1:(\d+):(\d+)$`, p, name)
			published++
		}
		require.NotEmpty(t, s.Healthcheck.Test, name)
		require.Positive(t, s.Healthcheck.Retries, name)
		if name != "exporter" {
			require.Equal(t, "service:exporter", s.NetworkMode, name)
			require.Empty(t, s.Ports, "%s has no network of its own", name)
		}
		for other := range s.DependsOn {
			require.Contains(t, c.Services, other, name)
		}
		for _, secret := range s.Secrets {
			require.Contains(t, c.Secrets, secret.Source, name)
			require.NotEmpty(t, c.Secrets[secret.Source].Environment)
		}
		for key, value := range s.Environment {
			if strings.Contains(key, "TOKEN") || strings.Contains(key, "PASSWORD") {
				require.True(t, strings.HasPrefix(value, "${"+key+":?"), "%s: %s is no secret of ours to give", name, key)
			}
		}
		// What a command reads is mounted.
		targets := s.mounted(t, name)
		for _, argument := range s.Command {
			if _, file, _ := strings.Cut(argument, "="); strings.HasPrefix(file, "/etc/") || strings.HasPrefix(argument, "/etc/") {
				if file == "" {
					file = argument
				}
				require.Contains(t, targets, file, name)
			}
		}
	}
	require.Equal(t, 4, published)

	gomod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(gomod)
	require.NotNil(t, version)
	from := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(dockerfile), -1)
	require.Len(t, from, 3)
	require.Equal(t, "golang:"+string(version[1])+"-bookworm", from[0][1])
	for _, f := range from[1:] {
		require.Regexp(t, `^debian:\d+\.\d+-slim$`, f[1])
	}
}

// TestTheComposeFilesPartsFindEachOther: the addresses and paths that the files
// name are those that compose.yml gives.
func TestTheComposeFilesPartsFindEachOther(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	listens := func(service, port string) {
		t.Helper()
		require.True(t, slices.ContainsFunc(c.Services[service].Command, func(argument string) bool { return strings.HasSuffix(argument, ":"+port) }),
			"%s does not listen on %s", service, port)
	}
	says := func(file string, texts ...string) {
		t.Helper()
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, text := range texts {
			require.Contains(t, string(content), text, file)
		}
	}
	for _, s := range []struct{ service, port string }{{"exporter", "9110"}, {"prometheus", "9090"}, {"alertmanager", "9093"}, {"snmptrapd", "9162"}} {
		listens(s.service, s.port)
	}
	says(stackDir+"/bridges.yml", "127.0.0.1:9162")
	says(stackDir+"/alertmanager.yml", "http://127.0.0.1:9110/bridge/alertmanager", c.Services["alertmanager"].Secrets[0].Target)
	says(stackDir+"/prometheus.yml", "127.0.0.1:9093", "127.0.0.1:9110", c.Services["prometheus"].Secrets[0].Target)
	require.Contains(t, c.Services["snmptrapd"].Healthcheck.Test, fmt.Sprintf(":%X ", 9162))

	var prometheus struct {
		RuleFiles []string `yaml:"rule_files"`
	}
	readYAML(t, stackDir+"/prometheus.yml", &prometheus)
	require.Len(t, prometheus.RuleFiles, 1)
	source := c.Services["prometheus"].mounted(t, "prometheus")[filepath.Dir(prometheus.RuleFiles[0])]
	files, err := filepath.Glob(filepath.Join(source, filepath.Base(prometheus.RuleFiles[0])))
	require.NoError(t, err)
	require.NotEmpty(t, files)

	grafana := c.Services["grafana"].mounted(t, "grafana")
	says(grafana["/etc/grafana/provisioning/datasources"]+"/idp_exporter.yml", "http://127.0.0.1:9090")
	var provisioning struct {
		Providers []struct{ Options struct{ Path string } }
	}
	readYAML(t, grafana["/etc/grafana/provisioning/dashboards"]+"/idp_exporter.yml", &provisioning)
	folder := provisioning.Providers[0].Options.Path
	require.Contains(t, grafana, folder)
	home, found := strings.CutPrefix(c.Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"], folder+"/")
	require.True(t, found)
	require.FileExists(t, filepath.Join(grafana[folder], home))
}

// TestTheComposeFilesFlagsAreKnown asks the real programs, and has their own
// checkers look at the configurations.
func TestTheComposeFilesFlagsAreKnown(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	known := func(t *testing.T, help string, arguments []string) {
		t.Helper()
		require.NotEmpty(t, arguments)
		for _, a := range arguments {
			if flag, _, _ := strings.Cut(a, "="); strings.HasPrefix(flag, "-") {
				require.Regexp(t, `(?m)(^|\s)`+regexp.QuoteMeta(flag)+`([=\s]|$)`, help, flag)
			}
		}
	}
	help := func(t *testing.T, cmd *exec.Cmd) string {
		t.Helper()
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.True(t, err == nil || errors.As(err, &exit), "%v", err)
		return string(out)
	}
	t.Run("exporter", func(t *testing.T) {
		t.Parallel()
		exporter := c.Services["exporter"]
		require.Equal(t, "demo", exporter.Command[0])
		known(t, help(t, exec.Command(binary(t), "demo", "run", "--help")), exporter.Command)
		check := exporter.Healthcheck.Test
		require.Equal(t, []string{"CMD", "idp_exporter", "bridge", "list"}, check[:4])
		known(t, help(t, exec.Command(binary(t), "bridge", "list", "--help")), check)
	})
	t.Run("prometheus", func(t *testing.T) {
		t.Parallel()
		known(t, help(t, exec.Command(counterpart(t, "prometheus"), "--help")), c.Services["prometheus"].Command)
		out, err := exec.Command(counterpart(t, "promtool"), "check", "config", "--syntax-only", stackDir+"/prometheus.yml").CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
	t.Run("alertmanager", func(t *testing.T) {
		t.Parallel()
		known(t, help(t, exec.Command(counterpart(t, "prometheus-alertmanager"), "--help")), c.Services["alertmanager"].Command)
		out, err := exec.Command(counterpart(t, "amtool"), "check-config", stackDir+"/alertmanager.yml").CombinedOutput()
		require.NoError(t, err, "%s", out)
	})
	t.Run("snmptrapd", func(t *testing.T) {
		t.Parallel()
		known(t, help(t, netsnmp.Command(t, "snmptrapd", "-h")), c.Services["snmptrapd"].Command)
	})
}
