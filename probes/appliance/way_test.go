package appliance

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// asked notes hosts and paths.
type asked struct {
	http.Handler
	mu   sync.Mutex
	list []string
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	name := ""
	if r.TLS != nil {
		name = "https://" + r.TLS.ServerName + " "
	}
	a.list = append(a.list, name+r.Host+r.URL.Path)
	a.mu.Unlock()
	a.Handler.ServeHTTP(w, r)
}

func (a *asked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.list
	a.list = nil
	return list
}

// All three ways in lead to the node addressed, under the names that users see.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "login.example.test", "manage.example.test")
	secure := &asked{Handler: demo.NewAppliance(demo.ApplianceOptions{})}
	plain := &asked{Handler: demo.NewAppliance(demo.ApplianceOptions{})}
	s := fetchtest.Server(t, cert, secure)
	httpURL := scripted(t, plain.ServeHTTP)
	dial := fetch.Options{TLS: fetch.TLS{CAFile: ca.File}}
	_, healthPort := hostAndPort(t, httpURL)
	_, tlsPort := hostAndPort(t, s.URL)

	p := provider("https://login.example.test/", dial)
	node := probes.Node{Name: "a0-1", Address: s.Listener.Addr().String()}
	r := ran(t, built(t, options(t, "{via: port, resources: [cpu], port: "+healthPort+"}"), probes.Target{Provider: p, Node: node}))
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, []string{"login.example.test:" + healthPort + "/status/cpu"}, plain.take())
	front := []string{"https://login.example.test login.example.test/test", "https://login.example.test login.example.test/testall"}
	require.Equal(t, front, secure.take())
	require.WithinDuration(t, time.Now().Add(time.Hour), r.Facts.CertificateNotAfter, time.Minute)

	r = ran(t, built(t, options(t, "{via: node, resources: [db]}"), probes.Target{Provider: p, Node: node}))
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, append([]string{"https://login.example.test login.example.test/health/status/db"}, front...), secure.take())

	// The dashboard's name is reached by its own address; here a node stands for it.
	o := options(t, "{via: manage, resources: [email], test: false, testall: false, url: 'https://manage.example.test:"+tlsPort+"'}")
	r = ran(t, built(t, o, probes.Target{Provider: p, Node: probes.Node{Address: "127.0.0.1"}}))
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, []string{"https://manage.example.test manage.example.test:" + tlsPort + "/health/status/email"}, secure.take())

	// Nodes of newer versions answer /testall by http alone.
	o = options(t, "{resources: [], test: false, front_url: 'http://login.example.test:"+healthPort+"'}")
	r = ran(t, built(t, o, probes.Target{Provider: p, Node: node}))
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, []string{"login.example.test:" + healthPort + "/testall"}, plain.take())

	// A certificate that is not trusted: told apart, and its end known.
	p.Dial = fetch.Options{}
	r = ran(t, built(t, options(t, "{via: node, resources: [db], test: false, testall: false}"), probes.Target{Provider: p, Node: node}))
	require.Equal(t, probes.ReasonTLS, r.Reason)
	require.Equal(t, "db", r.FailedStep)
	require.False(t, r.Facts.CertificateNotAfter.IsZero())
}

func TestUsesNodes(t *testing.T) {
	t.Parallel()
	p := provider("https://login.example.test/", fetch.Options{})
	for config, want := range map[string]bool{"{}": true, "{via: node}": true, "{via: manage, url: 'https://m.example'}": false, "{url: 'http://10.0.0.1:9110'}": false} {
		require.Equal(t, want, options(t, config).UsesNodes(probes.Setting{Provider: p}), config)
	}
	require.False(t, options(t, "{}").UsesNodes(probes.Setting{}))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	p := provider("https://login.example.test/", fetch.Options{})
	for config, path := range map[string]string{
		"{via: tunnel}":                                "via",
		"{via: manage}":                                "url",
		"{url: 'http://10.0.0.1/status'}":              "url",
		"{url: 'http://user@10.0.0.1'}":                "url",
		"{front_url: 'example.com'}":                   "front_url",
		"{port: 0}":                                    "port",
		"{resources: [cpu, ram]}":                      "resources[1]",
		"{resources: [cpu, cpu]}":                      "resources[1]",
		"{warn: [nothing]}":                            "warn[0]",
		"{warn: [cpu, db], resources: [cpu, disk]}":    "warn[1]",
		"{warn: [cpu], resources: []}":                 "warn[0]",
		"{resources: [], test: false, testall: false}": "resources",
		"{username: ''}":                               "username",
		"{username: 'a:b'}":                            "username",
		"{per_second: 9}":                              "per_second",
		"{per_second: .nan}":                           "per_second",
		"{per_second: 0.1}":                            "per_second", // longer than the timeout
		"{per_second: 0.35}":                           "per_second", // as long, but for the last answer
		"{clock_offset: {warn: 5s, fail: 5s}}":         "clock_offset.warn",
		"{clock_offset: {warn: -5s}}":                  "clock_offset.warn",
		"{hosts: {n1: ''}}":                            "hosts.n1",
		"{tls: {minversion: 1, cafile: /none}}":        "",
	} {
		o := options(t, config)
		if path == "" {
			o.TLS.CAFile = "/nowhere/ca.pem"
		}
		found := o.Check(probes.Setting{Provider: p, Timeout: 30 * time.Second})
		require.Len(t, found, 1, config)
		require.Equal(t, path, found[0].Path)
	}
	require.Equal(t, "url", options(t, "{}").Check(probes.Setting{})[0].Path, "without a provider the url is needed")
	o := options(t, "{}")
	o.Key = secret.Secret{}
	require.Equal(t, "key", o.Check(probes.Setting{Provider: p})[0].Path)
	_, err := o.New(probes.Target{Provider: p})
	require.ErrorContains(t, err, "key")
	found := options(t, "{via: manage, url: 'http://m.example'}").Check(probes.Setting{})
	require.Len(t, found, 1)
	require.True(t, found[0].Warning, "the key travels in the open")
	_, err = NewOptions(nil).New(probes.Target{Provider: p})
	require.Error(t, err)
	fresh := NewOptions(NewBudgets())
	fresh.Key = secret.New("x")
	require.Empty(t, fresh.Check(probes.Setting{Provider: p, Timeout: 10 * time.Second}), "the defaults fit a usual timeout")
	fresh.Resources[0] = "changed"
	require.Equal(t, "cpu", Resources()[0])
}
