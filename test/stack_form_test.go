package test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// stackScript is the script that examples/stack tells people to start.
func stackScript(folder string, env []string) *exec.Cmd {
	cmd := exec.Command("/bin/bash", filepath.Join(folder, "run.sh"))
	cmd.Env = env
	return cmd
}

func TestTheStackSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	for _, tool := range []string{"dirname"} { // all that it needs until then
		real, err := exec.LookPath(tool)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(real, filepath.Join(path, tool)))
	}
	out, err := stackScript(stackDir, []string{"PATH=" + path, "STACK_ROOT=" + path, "STACK_DIR=" + filepath.Join(path, "work")}).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	for _, name := range []string{"prometheus", "prometheus-alertmanager"} {
		require.Contains(t, string(out), "stack: "+name+" is not here: install Debian's package "+name)
	}
	require.NoDirExists(t, filepath.Join(path, "work"), "nothing is begun that cannot be finished")
}

// TestTheStackEndsWhenAPartOfItCannotStart has an exporter that ends at once.
func TestTheStackEndsWhenAPartOfItCannotStart(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"prometheus", "prometheus-alertmanager", "snmptrapd"} {
		counterpart(t, program)
	}
	netsnmp.MIBs(t, map[string][]byte{})
	root, err := filepath.Abs("../.cache/debian")
	require.NoError(t, err)
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	script(t, broken, "#!/bin/sh\necho nothing works here\nexit 3\n")
	port := freePort(t)
	out, err := stackScript(stackDir, append(os.Environ(), "STACK_ROOT="+root, "STACK_DIR="+filepath.Join(dir, "work"), "STACK_EXPORTER="+broken,
		"STACK_MIB="+writeFile(t, dir, "IDP-EXPORTER-MIB", ""), "STACK_TRAP_PORT="+port, "STACK_EXPORTER_PORT="+freePort(t))).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(out), "stack: exporter ended; the end of its log:\nnothing works here")
	c, err := net.ListenPacket("udp", "127.0.0.1:"+port)
	require.NoError(t, err, "snmptrapd still runs")
	require.NoError(t, c.Close())
}

// TestTheStacksAlertmanagerRoutesAsTheExampleDoes: they differ in the receivers
// that are not ours alone.
func TestTheStacksAlertmanagerRoutesAsTheExampleDoes(t *testing.T) {
	t.Parallel()
	type config struct {
		Route        any
		InhibitRules any              `yaml:"inhibit_rules"`
		Receivers    []map[string]any `yaml:"receivers"`
	}
	var example, stack config
	readYAML(t, "../examples/alertmanager/alertmanager.yml", &example)
	readYAML(t, stackDir+"/alertmanager.yml", &stack)
	require.NotEmpty(t, stack.Route)
	require.NotEmpty(t, stack.InhibitRules)
	require.Equal(t, example.Route, stack.Route)
	require.Equal(t, example.InhibitRules, stack.InhibitRules)
	require.Len(t, stack.Receivers, len(example.Receivers))
	for i, r := range example.Receivers {
		if r["name"] != "idp_exporter" {
			r = map[string]any{"name": r["name"]}
		}
		require.Equal(t, r, stack.Receivers[i])
	}
}

// rulesDifferInWaitsAlone compares the rules that the script has made quicker
// with those that are shipped: they say the same but for how long they wait.
func rulesDifferInWaitsAlone(t *testing.T, dir string) {
	t.Helper()
	type file struct {
		Groups []map[string]any
	}
	read := func(path string) (f file) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(content, &f))
		return f
	}
	quick := func(entry map[string]any) {
		for _, key := range []string{"for", "keep_firing_for", "interval"} {
			if text, ok := entry[key].(string); ok {
				wait, err := time.ParseDuration(text)
				require.NoError(t, err)
				entry[key] = max(time.Second, (wait / stackSpeed).Round(time.Second)).String()
			}
		}
	}
	normal := func(entry map[string]any) {
		for _, key := range []string{"for", "keep_firing_for", "interval"} {
			if text, ok := entry[key].(string); ok {
				wait, err := time.ParseDuration(text)
				require.NoError(t, err)
				entry[key] = wait.String()
			}
		}
	}
	each := func(f file, change func(map[string]any)) (waits int) {
		for _, g := range f.Groups {
			change(g)
			for _, r := range g["rules"].([]any) {
				change(r.(map[string]any))
				waits++
			}
		}
		return waits
	}
	files, err := filepath.Glob(alertsDir + "/*.rules.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		shipped, used := read(path), read(filepath.Join(dir, filepath.Base(path)))
		require.NotZero(t, each(shipped, quick))
		each(used, normal)
		require.Equal(t, shipped, used, path)
	}
}
