package demo

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// startedCluster returns a cluster behind a balancer that sends each request to
// the next node, and what a relying party needs to know of it.
func startedCluster(t *testing.T) (*Cluster, *Running) {
	t.Helper()
	var nodes []*Node
	var turn atomic.Uint64
	transport := &http.Transport{DisableKeepAlives: true}
	front := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: nodes[turn.Add(1)%uint64(len(nodes))].Address})
			r.Out.Host = r.In.Host
		},
	})
	t.Cleanup(front.Close)
	c, err := StartCluster(t.Context(), ClusterOptions{Issuer: front.URL, SigningAlg: "ES256"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	nodes = c.Nodes
	return c, &Running{Issuer: front.URL, Provider: c.Nodes[0].Provider}
}

// at is a node by its own address.
func at(n *Node) *Running { return &Running{Issuer: "http://" + n.Address, Provider: n.Provider} }

func TestNodesOfAClusterAreOneProvider(t *testing.T) {
	t.Parallel()
	c, r := startedCluster(t)
	require.Len(t, c.Nodes, 3)
	rp := newRelyingParty(t, r, ClientID)
	for range 2 { // every request of a code flow goes to another node
		token := rp.signIn()
		_, err := rp.verify(token)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, userinfo(t, r, token.AccessToken).status)
		next, err := rp.config.TokenSource(rp.ctx(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		require.NoError(t, err)
		require.NotEqual(t, token.RefreshToken, next.RefreshToken)
	}
	opaque := newRelyingParty(t, r, OpaqueClientID).signIn()
	for _, n := range c.Nodes {
		answer := userinfo(t, at(n), opaque.AccessToken)
		require.Equal(t, http.StatusOK, answer.status)
		require.Equal(t, n.Name, answer.header.Get(NodeHeader))
		require.NotZero(t, n.Provider.Stats().Connections)
	}
}

func TestStoppedNode(t *testing.T) {
	t.Parallel()
	c, _ := startedCluster(t)
	n := c.Nodes[1]
	client := newClient(t)
	ask := func() error {
		resp, err := client.Get("http://" + n.Address + PathDiscovery)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	require.NoError(t, ask())
	require.NoError(t, n.Stop())
	require.ErrorContains(t, ask(), "refused")
	require.NoError(t, n.Stop())
	require.NoError(t, n.Start())
	require.NoError(t, ask())
	require.NoError(t, n.Start())
	require.NoError(t, c.Close())
	require.ErrorContains(t, ask(), "refused")
	require.NoError(t, n.Stop())
	require.ErrorContains(t, n.Start(), "has ended")
	require.NoError(t, c.Close())
}

func TestHungAndSlowNode(t *testing.T) {
	t.Parallel()
	c, _ := startedCluster(t)
	n := c.Nodes[1]
	client := newClient(t)
	ask := func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Address+PathDiscovery, nil)
		require.NoError(t, err)
		resp, err := client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	const patience = 100 * time.Millisecond
	for name, fault := range map[string]func(bool){
		"hung": n.SetHung,
		"slow": func(on bool) { n.SetDelay(map[bool]time.Duration{true: time.Hour}[on]) },
	} {
		fault(true)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		require.ErrorIs(t, ask(ctx), context.DeadlineExceeded, name)
		cancel()
		fault(false)
		require.NoError(t, ask(t.Context()), name)
	}

	// What waits is answered when the node hangs no longer, and cut off when it stops.
	held := func(end func()) (err error) {
		n.SetHung(true)
		client.CloseIdleConnections()
		begun := n.Provider.Stats().Connections
		var waiting sync.WaitGroup
		waiting.Go(func() { err = ask(t.Context()) })
		require.Eventually(t, func() bool { return n.Provider.Stats().Connections > begun }, 10*time.Second, time.Millisecond)
		end()
		waiting.Wait()
		return err
	}
	require.NoError(t, held(func() { n.SetHung(false) }))
	require.Error(t, held(func() { require.NoError(t, n.Stop()) }))
	n.SetHung(false)
	require.NoError(t, n.Start())
	n.SetDelay(time.Millisecond)
	require.NoError(t, ask(t.Context()))
}

func TestClockOfANode(t *testing.T) {
	t.Parallel()
	c, r := startedCluster(t)
	rp := newRelyingParty(t, r, ClientID)
	n := c.Nodes[1]
	for _, offset := range []time.Duration{-time.Hour, time.Hour, 0} {
		n.Provider.SetClock(offset)
		answer := passwordLogin(t, at(n))
		require.Equal(t, http.StatusOK, answer.status)
		date, err := http.ParseTime(answer.header.Get("Date"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(offset), date, 10*time.Minute)
		for _, token := range []string{"id_token", "access_token"} {
			claims := claimsOf(t, answer.body[token].(string))
			for _, name := range []string{"iat", "exp"} {
				seconds, err := claims[name].(interface{ Int64() (int64, error) }).Int64()
				require.NoError(t, err)
				require.WithinDuration(t, time.Now().Add(offset), time.Unix(seconds, 0), 10*time.Minute, "%s of %s", name, token)
			}
		}
		id, err := rp.op.Verifier(&oidc.Config{ClientID: ClientID, SkipExpiryCheck: true, SupportedSigningAlgs: []string{"ES256"}}).
			Verify(t.Context(), answer.body["id_token"].(string))
		require.NoError(t, err, "nothing but the times is wrong")
		require.NoError(t, id.VerifyAccessToken(answer.body["access_token"].(string)))
		require.Equal(t, http.StatusOK, passwordLogin(t, at(c.Nodes[0])).status)
	}
	opaque := tokenRequest(t, at(n), "", "", passwordForm("client_id", OpaqueClientID, "client_secret", OpaqueClientSecret))
	require.Equal(t, http.StatusOK, userinfo(t, r, opaque.body["access_token"].(string)).status)
}

func TestHeldKeys(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ signing, published, own, others bool }{
		"follows":           {own: true, others: true},
		"signs with old":    {signing: true},
		"publishes old":     {published: true, others: true},
		"missed a rotation": {signing: true, published: true, own: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := startedCluster(t)
			n := c.Nodes[1].Provider
			n.HoldKeys(tc.signing, tc.published)
			require.NoError(t, c.RotateKeys())
			require.NoError(t, c.RotateKeys())
			answer := passwordLogin(t, at(c.Nodes[1]))
			verify := func(at *Node) error {
				keys := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), newClient(t)), "http://"+at.Address+PathJWKS)
				_, err := keys.VerifySignature(t.Context(), answer.body["id_token"].(string))
				return err
			}
			require.Equal(t, tc.own, verify(c.Nodes[1]) == nil, "by its own key set")
			require.Equal(t, tc.others, verify(c.Nodes[2]) == nil, "by the others' key set")
			require.Equal(t, http.StatusOK, userinfo(t, at(c.Nodes[1]), answer.body["access_token"].(string)).status)

			n.HoldKeys(false, false)
			answer = passwordLogin(t, at(c.Nodes[1]))
			require.NoError(t, verify(c.Nodes[1]))
			require.NoError(t, verify(c.Nodes[2]))
		})
	}
}

func TestDirectoryBehindAllNodes(t *testing.T) {
	t.Parallel()
	c, r := startedCluster(t)
	client := newClient(t)
	health := func() int {
		resp, err := client.Get(c.DirectoryURL)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	rp := newRelyingParty(t, r, ClientID)
	b := newBrowser(t)
	form := b.get(rp.authorizeURL("0123456789012345678901234567890123456789012"))
	c.Directory.SetDown(true)
	require.Equal(t, http.StatusServiceUnavailable, health())
	for _, n := range c.Nodes {
		answer := passwordLogin(t, at(n))
		require.Equal(t, http.StatusServiceUnavailable, answer.status)
		require.Equal(t, map[string]any{"error": "server_error", "error_description": "the user directory does not answer"}, answer.body)
		require.Zero(t, n.Provider.Stats().RefusedPasswords[Username], "nobody's password was wrong")
	}
	page := b.submit(form, credentials(Username, Password))
	require.Equal(t, http.StatusServiceUnavailable, page.StatusCode)
	require.Contains(t, page.doc.Text(), "directory")
	c.Directory.SetDown(false)
	require.Equal(t, http.StatusOK, health())
	require.Equal(t, http.StatusOK, b.submit(form, credentials(Username, Password)).StatusCode, "the page is still good")
}

func TestStartClusterRefusals(t *testing.T) {
	t.Parallel()
	c, _ := startedCluster(t)
	const issuer = "http://127.0.0.1:1"
	for _, tc := range []struct {
		o    ClusterOptions
		want string
	}{
		{ClusterOptions{}, "no origin"},
		{ClusterOptions{Issuer: issuer, SigningAlg: "HS256"}, "use RS256"},
		{ClusterOptions{Issuer: issuer, Addrs: []string{"0.0.0.0:0"}}, "not of loopback"},
		{ClusterOptions{Issuer: issuer, Addrs: []string{"", c.Nodes[2].Address}}, "address already in use"},
	} {
		_, err := StartCluster(t.Context(), tc.o)
		require.ErrorContains(t, err, tc.want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	other, err := StartCluster(ctx, ClusterOptions{Issuer: issuer, SigningAlg: "EdDSA"})
	require.NoError(t, err)
	cancel() // ends as Close does
	require.NoError(t, other.Close())
}
