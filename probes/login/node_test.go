package login_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	httpprobe "github.com/idp-exporter/idp_exporter/probes/http"
	"github.com/idp-exporter/idp_exporter/probes/login"
	"github.com/idp-exporter/idp_exporter/probes/rule"
)

// What users see: a name that resolves nowhere, so that only runs past it can pass.
const (
	publicHost = "login.example.test"
	publicURL  = "https://" + publicHost
)

// node is one instance of a provider behind a load balancer that is not there.
type node struct {
	*httptest.Server
	provider *demo.Provider

	mu       sync.Mutex
	requests int
	hosts    map[string]bool // Host headers and TLS server names
}

func (n *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.requests++
	n.hosts["host "+r.Host] = true
	n.hosts["sni "+r.TLS.ServerName] = true
	n.mu.Unlock()
	switch r.URL.Path {
	case "/to-public":
		http.Redirect(w, r, publicURL+"/end", http.StatusFound)
	case "/to-other":
		http.Redirect(w, r, r.URL.Query().Get("url"), http.StatusFound)
	case "/end":
		_, _ = fmt.Fprint(w, "on a node")
	default:
		n.provider.ServeHTTP(w, r)
	}
}

// seen returns the number of requests and forgets them.
func (n *node) seen() (requests int, hosts map[string]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	requests, hosts = n.requests, n.hosts
	n.requests, n.hosts = 0, map[string]bool{}
	return requests, hosts
}

func (n *node) target(probe string, dial fetch.Options) probes.Target {
	return probes.Target{
		Probe: probe, Provider: &probes.Provider{Name: "p", Issuer: publicURL, Dial: dial},
		Node: probes.Node{Name: "n2", Address: n.Listener.Addr().String()},
	}
}

// cluster starts three nodes of a provider, which have one certificate and a
// key set of their own each, so that tokens of one do not verify on another.
func cluster(t *testing.T) (nodes [3]*node, dial fetch.Options, ca *fetchtest.CA) {
	t.Helper()
	ca = fetchtest.NewCA(t)
	dial.TLS.CAFile = ca.File
	crm := demo.NewCRM()
	crmServer := httptest.NewServer(crm)
	t.Cleanup(crmServer.Close)
	for i := range nodes {
		p, err := demo.NewProvider(demo.Options{Issuer: publicURL, CRM: crm, CRMURL: crmServer.URL})
		require.NoError(t, err)
		nodes[i] = &node{provider: p, hosts: map[string]bool{}}
		nodes[i].Server = fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), publicHost), nodes[i])
	}
	return nodes, dial, ca
}

func account(o *login.Options, change func(*login.Options)) {
	o.ClientID, o.ClientSecret = demo.ClientID, secret.New(demo.ClientSecret)
	o.Username, o.Password = demo.Username, secret.New(demo.Password)
	o.Budget.PerMinute = 0
	if change != nil {
		change(o)
	}
}

func loginWith(change func(*login.Options)) probes.Options {
	o := login.Defaults(login.NewAccounts())
	account(&o, change)
	return &o
}

func ruleWith(change func(*rule.Options)) probes.Options {
	o, _ := rule.Kind(login.NewAccounts()).NewOptions().(*rule.Options)
	account(&o.Options, nil)
	change(o)
	return o
}

func httpWith(change func(*httpprobe.Options)) probes.Options {
	o := httpprobe.NewOptions()
	change(o)
	return o
}

func kinds() map[string]probes.Options {
	return map[string]probes.Options{
		"http":          httpWith(func(*httpprobe.Options) {}),
		"http redirect": httpWith(func(o *httpprobe.Options) { o.URL, o.FollowRedirects, o.BodyEquals = "/to-public", true, "on a node" }),
		"login code":    loginWith(nil),
		"login code, public client, userinfo": loginWith(func(o *login.Options) {
			o.ClientID, o.ClientSecret, o.Userinfo = demo.PublicClientID, secret.Secret{}, login.UserinfoAlways
		}),
		"login password":       loginWith(func(o *login.Options) { o.Flow, o.Userinfo = login.FlowPassword, login.UserinfoAlways }),
		"login password_realm": loginWith(func(o *login.Options) { o.Flow, o.Realm = login.FlowPasswordRealm, demo.Realm }),
		"login client_credentials": loginWith(func(o *login.Options) {
			o.Flow, o.Username, o.Password = login.FlowClientCredentials, "", secret.Secret{}
			o.ClientID, o.ClientSecret = demo.MachineClientID, secret.New(demo.MachineClientSecret)
		}),
		"rule granted": ruleWith(func(o *rule.Options) {
			o.Expectations = map[string]string{"crm id": `id_token["` + demo.ClaimCRMID + `"] == "` + demo.CRMID + `" && id_token.iss == "` + publicURL + `"`}
		}),
		"rule refused": ruleWith(func(o *rule.Options) {
			o.Flow, o.Username, o.Password = login.FlowPassword, demo.BlockedUsername, secret.New(demo.BlockedPassword)
			o.Expect, o.Error = rule.Refused, "access_denied"
		}),
	}
}

// The login of a user, through node 2, past the load balancer: the node is
// addressed, while everything it sees is what users send.
func TestEveryKindThroughANode(t *testing.T) {
	t.Parallel()
	for name, options := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes, dial, _ := cluster(t)
			target := nodes[1].target(name, dial)
			for _, p := range options.Check(probes.Setting{Provider: target.Provider, Every: time.Minute, Timeout: 30 * time.Second}) {
				require.True(t, p.Warning, "%s: %s", p.Path, p.Message)
			}
			probe, err := options.New(target)
			require.NoError(t, err)
			r := probe.Run(t.Context())
			require.Equal(t, probes.Pass, r.Outcome, "%s %s: %s", r.FailedStep, r.Reason, r.Detail)
			require.False(t, r.Facts.CertificateNotAfter.IsZero())
			requests, hosts := nodes[1].seen()
			require.Positive(t, requests)
			require.Equal(t, map[string]bool{"host " + publicHost: true, "sni " + publicHost: true}, hosts)
			for _, other := range []*node{nodes[0], nodes[2]} {
				requests, _ := other.seen()
				require.Zero(t, requests)
			}

			// The same by the public name gets nowhere, as there is no such name.
			target.Node = probes.Node{}
			probe, err = options.New(target)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			require.Equal(t, probes.Fail, probe.Run(ctx).Outcome)
			for _, n := range nodes {
				requests, _ := n.seen()
				require.Zero(t, requests)
			}
		})
	}
}

// A node that fails does so alone, and by its own name.
func TestOneNodeFails(t *testing.T) {
	t.Parallel()
	nodes, dial, ca := cluster(t)
	options := loginWith(func(o *login.Options) { o.Flow = login.FlowPassword })
	require.NoError(t, nodes[1].provider.Set(demo.SwitchKeyUnpublished, true))
	foreign := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "other.example.test", "127.0.0.1"), nodes[0])
	for i, c := range []struct {
		address string
		reason  probes.Reason
	}{
		{nodes[0].Listener.Addr().String(), ""},
		{nodes[1].Listener.Addr().String(), probes.ReasonTokenInvalid},
		{nodes[2].Listener.Addr().String(), ""},
		{closedPort(t), probes.ReasonConnect},
		// A certificate for the node's own address is not one that users accept.
		{foreign.Listener.Addr().String(), probes.ReasonTLS},
	} {
		target := nodes[0].target("login", dial)
		target.Node = probes.Node{Name: fmt.Sprint("n", i), Address: c.address}
		probe, err := options.New(target)
		require.NoError(t, err)
		require.Equal(t, c.reason, probe.Run(t.Context()).Reason, c.address)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// Only the public name is diverted: a redirect to another host, or a key set
// that is there, is fetched from there.
func TestOtherHostsAreNotDiverted(t *testing.T) {
	t.Parallel()
	nodes, dial, ca := cluster(t)
	n := nodes[1]
	var mu sync.Mutex
	var asked []string
	other := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Host+r.URL.Path)
		mu.Unlock()
		if r.URL.Path == demo.PathJWKS {
			n.provider.ServeHTTP(w, r)
			return
		}
		_, _ = fmt.Fprint(w, "elsewhere")
	}), func(c *tls.Config) { c.NextProtos = nil })
	host := other.Listener.Addr().String()

	probe, err := httpWith(func(o *httpprobe.Options) {
		o.URL, o.FollowRedirects, o.BodyEquals = "/to-other?url=https://"+host+"/landing", true, "elsewhere"
		o.AllowedOrigins = []string{"https://" + host}
	}).New(n.target("http", dial))
	require.NoError(t, err)
	r := probe.Run(t.Context())
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.Equal(t, []string{host + "/landing"}, asked)
	requests, _ := n.seen()
	require.Equal(t, 1, requests)

	// A node whose discovery document names another place for its keys.
	moved := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), publicHost), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != demo.PathDiscovery {
			n.ServeHTTP(w, r)
			return
		}
		record := httptest.NewRecorder()
		n.provider.ServeHTTP(record, r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(bytes.ReplaceAll(record.Body.Bytes(), []byte(publicURL+demo.PathJWKS), []byte("https://"+host+demo.PathJWKS)))
	}))
	target := n.target("login", dial)
	target.Node.Address = moved.Listener.Addr().String()
	probe, err = loginWith(func(o *login.Options) { o.AllowedOrigins = []string{"https://" + host} }).New(target)
	require.NoError(t, err)
	r = probe.Run(t.Context())
	require.Equal(t, probes.Pass, r.Outcome, "%s %s: %s", r.FailedStep, r.Reason, r.Detail)
	require.Equal(t, []string{host + "/landing", host + demo.PathJWKS}, asked)
	_, hosts := n.seen()
	require.Equal(t, map[string]bool{"host " + publicHost: true, "sni " + publicHost: true}, hosts)
}
