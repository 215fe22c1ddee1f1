package appliance

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is an emulated node that listens.
type node struct {
	*demo.Appliance
	url, address string
}

func newNode(t *testing.T, o demo.ApplianceOptions) node {
	t.Helper()
	a := demo.NewAppliance(o)
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	return node{a, s.URL, s.Listener.Addr().String()}
}

// options returns the defaults with the demo's key, at the quickest rate, with
// what the YAML text changes.
func options(t *testing.T, text string) *Options {
	t.Helper()
	o := Kind(NewBudgets()).NewOptions().(*Options)
	o.Key, o.PerSecond = secret.New(demo.ApplianceKey), maxPerSecond
	require.NoError(t, yaml.Unmarshal([]byte(text), o))
	return o
}

func built(t *testing.T, o *Options, target probes.Target) probes.Probe {
	t.Helper()
	require.Empty(t, o.Check(probes.Setting{Provider: target.Provider, Timeout: time.Minute}))
	p, err := o.New(target)
	require.NoError(t, err)
	return p
}

func ran(t *testing.T, p probes.Probe) probes.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := p.Run(ctx)
	for _, s := range r.Steps {
		require.Contains(t, Kind(nil).Steps, s.Name)
	}
	require.NotContains(t, r.Detail+strings.Join(r.Unverified, " "), demo.ApplianceKey)
	return r
}

// stepsOf lists the steps with their outcomes, such as "cpu pass".
func stepsOf(r probes.Result) []string {
	list := make([]string, 0, len(r.Steps))
	for _, s := range r.Steps {
		list = append(list, s.Name+" "+s.Outcome.String())
	}
	return list
}

// keyFile is a health key on disk.
type keyFile struct {
	t    *testing.T
	path string
}

func newKeyFile(t *testing.T, key string) keyFile {
	t.Helper()
	k := keyFile{t, filepath.Join(t.TempDir(), "key")}
	k.write(key)
	return k
}

func (k keyFile) write(key string) {
	k.t.Helper()
	require.NoError(k.t, os.WriteFile(k.path, []byte(key+"\n"), 0o600))
}

func (k keyFile) secret() secret.Secret { return secret.FromFile(k.path) }

// provider has its issuer at a name that only a node's address leads to.
func provider(issuer string, dial fetch.Options) *probes.Provider {
	return &probes.Provider{Name: "acme", Issuer: issuer, Dial: dial}
}

func hostAndPort(t *testing.T, origin string) (host, port string) {
	t.Helper()
	u, err := url.Parse(origin)
	require.NoError(t, err)
	host, port, err = net.SplitHostPort(u.Host)
	require.NoError(t, err)
	return host, port
}

// scripted serves one handler and counts what is asked.
func scripted(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
