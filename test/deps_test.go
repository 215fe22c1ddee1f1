package test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/app"
	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/probes"
	dnsprobe "github.com/idp-exporter/idp_exporter/probes/dns"
	"github.com/idp-exporter/idp_exporter/probes/egress"
	icmpprobe "github.com/idp-exporter/idp_exporter/probes/icmp"
	ldapprobe "github.com/idp-exporter/idp_exporter/probes/ldap"
	ntpprobe "github.com/idp-exporter/idp_exporter/probes/ntp"
	"github.com/idp-exporter/idp_exporter/probes/oidc"
	smtpprobe "github.com/idp-exporter/idp_exporter/probes/smtp"
	"github.com/idp-exporter/idp_exporter/probes/tcp"
	"github.com/idp-exporter/idp_exporter/probes/testall"
	tlsprobe "github.com/idp-exporter/idp_exporter/probes/tls"
)

// dependencyKinds are the kinds that check what sign-in depends on.
func dependencyKinds() map[string]probes.Kind {
	kinds := map[string]probes.Kind{}
	for _, k := range []probes.Kind{
		dnsprobe.Kind(), egress.Kind(), icmpprobe.Kind(), ldapprobe.Kind(), ntpprobe.Kind(), oidc.Kind(), smtpprobe.Kind(),
		tcp.Kind(), testall.Kind(), tlsprobe.Kind(),
	} {
		kinds[k.Name] = k
	}
	return kinds
}

// anyProbe are the keys of every probe, besides those of its kind.
type anyProbe struct {
	Name     string        `yaml:"name"`
	Kind     string        `yaml:"kind"`
	Every    time.Duration `yaml:"every"`
	Timeout  time.Duration `yaml:"timeout"`
	Severity string        `yaml:"severity"`
	Gates    bool          `yaml:"gates"`
	Needs    []string      `yaml:"needs"`
	Provider string        `yaml:"provider"`
	Nodes    []string      `yaml:"nodes"`
}

// timeToRun is how long a run of a dependency probe may take on a busy machine.
const timeToRun = 60 * time.Second

// decodeProbe reads the configuration of one probe, as a configuration file
// would have it.
func decodeProbe(t *testing.T, text string) (anyProbe, probes.Options) {
	t.Helper()
	doc := strict.Parse(strings.NewReader(text), "probe.yml", t.TempDir())
	require.NotNil(t, doc.Root, doc.Problems())
	p := anyProbe{}
	for i := 0; i+1 < len(doc.Root.Content); i += 2 {
		if doc.Root.Content[i].Value == "kind" {
			p.Kind = doc.Root.Content[i+1].Value
		}
	}
	kind, ok := app.NewKinds().Kind(p.Kind)
	require.True(t, ok, "kind %q", p.Kind)
	options := kind.NewOptions()
	doc.Decode(doc.Root, "", &p, options)
	wrong, _ := doc.Problems().Split()
	require.Empty(t, wrong, text)
	return p, options
}

// runProbe runs a probe that is configured by text against the public name.
func runProbe(t *testing.T, text string) probes.Result {
	t.Helper()
	return runProbeAt(t, text, probes.Target{}, timeToRun)
}

func runProbeAt(t *testing.T, text string, target probes.Target, timeout time.Duration) probes.Result {
	t.Helper()
	_, options := decodeProbe(t, text)
	for _, p := range options.Check(probes.Setting{Provider: target.Provider, Every: time.Minute}) {
		require.True(t, p.Warning, "%s: %s", p.Path, p.Message)
	}
	target.Every = time.Minute
	probe, err := options.New(target)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	r := probe.Run(ctx)
	t.Logf("%s: %s at %q for %q: %s", strings.SplitN(text, "\n", 2)[0], r.Outcome, r.FailedStep, r.Reason, r.Detail)
	return r
}

// requireReason checks how a run ended, and that its words come from the closed lists.
func requireReason(t *testing.T, r probes.Result, step string, reason probes.Reason) {
	t.Helper()
	require.Equal(t, reason, r.Reason, r.Detail)
	require.Equal(t, step, r.FailedStep, r.Detail)
	if reason == "" {
		require.Equal(t, probes.Pass, r.Outcome)
		return
	}
	require.Contains(t, probes.Reasons(), reason)
}

// eventuallyPasses runs a probe until it passes: a server needs a moment to start.
func eventuallyPasses(t *testing.T, text string) probes.Result {
	t.Helper()
	var r probes.Result
	eventually(t, 20*time.Second, func() error {
		if r = runProbeAt(t, text, probes.Target{}, 10*time.Second); r.Outcome != probes.Pass {
			return &probes.Failure{Outcome: r.Outcome, Reason: r.Reason, Err: os.ErrInvalid}
		}
		return nil
	})
	return r
}

// debianCommand makes a command of one of Debian's unpacked binaries.
func debianCommand(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(counterpart(t, name), args...)
	root := debianRoot(t)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "usr/lib/x86_64-linux-gnu")+":"+filepath.Join(root, "lib/x86_64-linux-gnu"))
	return cmd
}

func debianRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../.cache/debian")
	require.NoError(t, err)
	return root
}

// openssl runs openssl in a folder.
func openssl(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl here")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "openssl %s\n%s", strings.Join(args, " "), out)
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority, as
// cert.pem with key.pem in a folder that others may enter, and returns the folder.
func selfSigned(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	openssl(t, dir, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-keyout", "key.pem", "-out", "cert.pem",
		"-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
	require.NoError(t, os.Chmod(filepath.Join(dir, "key.pem"), 0o644)) //nolint:gosec // a server gives up its privileges before it reads it
	return dir
}

// TestEveryDependencyExampleIsGood checks the examples of the dependency kinds.
func TestEveryDependencyExampleIsGood(t *testing.T) {
	t.Parallel()
	kinds := dependencyKinds()
	for name, kind := range kinds {
		content, err := os.ReadFile("../examples/probes/" + name + ".yml")
		require.NoError(t, err)
		docs, err := os.ReadFile("../docs/probes/" + name + ".md")
		require.NoError(t, err)
		for _, step := range kind.Steps {
			require.Contains(t, string(docs), "`"+step+"`", "the page of %s names every step", name)
		}
		dir := t.TempDir()
		for _, secret := range []string{"password", "token", "proxy-password"} {
			writeFile(t, dir, secret, "a secret\n")
		}
		doc := strict.Parse(strings.NewReader(string(content)), name+".yml", dir)
		require.NotNil(t, doc.Root, doc.Problems())
		checkExample(t, doc, kinds, name)
	}
}
