package peers

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// Every kind of member, asked for real.
func TestMembers(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	secure := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1"), says(200, "OK"))
	refused := fetchtest.Raw(t, func(net.Conn) {})
	// after answers a request so, and then waits for the other side to go.
	after := func(answer string) string {
		return "http://" + fetchtest.Raw(t, func(c net.Conn) {
			r := bufio.NewReader(c)
			if req, err := http.ReadRequest(r); err == nil {
				_ = req.Body.Close()
				_, _ = io.WriteString(c, answer)
			}
			_, _ = io.Copy(io.Discard, r)
		})
	}
	var followed atomic.Int64
	elsewhere := exporter(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		followed.Add(1)
		_, _ = w.Write([]byte("OK"))
	}))
	guarded := exporter(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("OK\n"))
	}))
	page := strings.Repeat("<p>OK</p>", 1<<20)
	with := func(url string, change func(*MemberConfig)) MemberConfig {
		m := MemberConfig{URL: url}
		change(&m)
		return m
	}
	missing := filepath.Join(t.TempDir(), "token")
	const pass, fail = "pass", "fail"
	for name, c := range map[string]struct {
		member      MemberConfig
		state, want string // of the member, and its problem
	}{
		"good":               {MemberConfig{URL: exporter(t, says(200, "OK"))}, pass, ""},
		"good with slash":    {MemberConfig{URL: exporter(t, says(200, " OK\n")) + "/"}, pass, ""},
		"good by TLS":        {with(secure.URL, func(m *MemberConfig) { m.TLS.CAFile = ca.File }), pass, ""},
		"good with a token":  {with(guarded, func(m *MemberConfig) { m.Token = secret.New("right") }), pass, ""},
		"failing 503":        {MemberConfig{URL: exporter(t, says(503, "FAIL"))}, fail, ""},
		"failing 500":        {MemberConfig{URL: exporter(t, says(500, "FAIL\n"))}, fail, ""},
		"failing 520":        {MemberConfig{URL: exporter(t, says(520, "FAIL"))}, fail, ""},
		"lies: 200 FAIL":     {MemberConfig{URL: exporter(t, says(200, "FAIL"))}, "", ProblemBody},
		"lies: 503 OK":       {MemberConfig{URL: exporter(t, says(503, "OK"))}, "", ProblemBody},
		"a proxy's page":     {MemberConfig{URL: exporter(t, says(503, "<h1>503</h1>"))}, "", ProblemBody},
		"lower case":         {MemberConfig{URL: exporter(t, says(200, "ok"))}, "", ProblemBody},
		"empty":              {MemberConfig{URL: exporter(t, says(200, ""))}, "", ProblemBody},
		"huge":               {MemberConfig{URL: exporter(t, says(200, page))}, "", ProblemBody},
		"not found":          {MemberConfig{URL: exporter(t, says(404, "OK"))}, "", ProblemStatus},
		"bad gateway":        {MemberConfig{URL: exporter(t, says(502, "FAIL"))}, "", ProblemStatus},
		"rate limited":       {MemberConfig{URL: exporter(t, says(429, "FAIL"))}, "", ProblemRateLimited},
		"redirects":          {MemberConfig{URL: exporter(t, http.RedirectHandler(elsewhere+"/testall", http.StatusFound))}, "", ProblemRedirect},
		"wrong token":        {with(guarded, func(m *MemberConfig) { m.Token = secret.New("wrong") }), "", ProblemCredentials},
		"no token":           {MemberConfig{URL: guarded}, "", ProblemCredentials},
		"token file missing": {with(guarded, func(m *MemberConfig) { m.Token = secret.FromFile(missing) }), "", ProblemCredentials},
		"foreign authority":  {MemberConfig{URL: secure.URL}, "", ProblemTLS},
		"http for https":     {MemberConfig{URL: strings.Replace(guarded, "http", "https", 1)}, "", ProblemTLS},
		"closes":             {MemberConfig{URL: "http://" + refused}, "", ProblemConnect},
		"nobody":             {MemberConfig{URL: "http://" + closed(t)}, "", ProblemConnect},
		"hung":               {MemberConfig{URL: after("")}, "", ProblemTimeout},
		"half a body":        {MemberConfig{URL: after("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO")}, "", ProblemTimeout},
		"not HTTP":           {MemberConfig{URL: after("SSH-2.0-x\r\n")}, "", ProblemResponse},
		"no such name":       {MemberConfig{URL: "http://peer.invalid"}, "", ProblemDNS},
		"proxy is away":      {with("http://192.0.2.1", func(m *MemberConfig) { m.Proxy = "http://" + closed(t) }), "", ProblemProxy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.member.Name = "m"
			conf := quick(c.member)
			if c.want != ProblemTimeout { // a slow machine is no reason to give up
				conf.Every, conf.Timeout = patience, patience
			}
			p := run(t, conf)
			m := until(t, p, "m", func(m Member) bool { return m.Problem != ProblemPending })
			if name == "no such name" && m.Problem == ProblemTimeout {
				t.Skip("the resolver here does not answer")
			}
			require.Equal(t, c.want, m.Problem)
			require.Equal(t, c.state == "", m.At.IsZero())
			if c.state == "" {
				c.state = "unknown"
			}
			require.Equal(t, c.state, m.State())
		})
	}
	t.Cleanup(func() { require.Zero(t, followed.Load(), "a redirect was followed") })
}

// closed returns an address at which nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(nil)
	s.Close()
	return s.Listener.Addr().String()
}

// What is sent: a GET of the bare /testall, with the token and nothing else.
func TestQuestion(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.Clone(t.Context()):
		default:
		}
		_, _ = w.Write([]byte("OK"))
	}))
	t.Cleanup(s.Close)
	run(t, quick(MemberConfig{Name: "m", URL: s.URL + "/behind/a/proxy/", Token: secret.New("abc")}))
	r := <-asked
	require.Equal(t, "GET /behind/a/proxy/testall HTTP/1.1", r.Method+" "+r.RequestURI+" "+r.Proto)
	require.Equal(t, "Bearer abc", r.Header.Get("Authorization"))
	require.Empty(t, r.Header["Accept"], "the answer is to be the bare one")
	require.Equal(t, fetch.UserAgent, r.Header.Get("User-Agent"))
	require.Zero(t, r.ContentLength)
}

// A token file is read again, so that a token can be changed without a reload.
func TestTokenRotates(t *testing.T) {
	t.Parallel()
	var valid atomic.Value
	valid.Store("one")
	url := exporter(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+valid.Load().(string) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte("OK"))
	}))
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("one\n"), 0o600))
	p := run(t, quick(MemberConfig{Name: "m", URL: url, Token: secret.FromFile(file)}))
	until(t, p, "m", func(m Member) bool { return m.OK })
	valid.Store("two")
	until(t, p, "m", func(m Member) bool { return !m.Known && m.Problem == ProblemCredentials })
	require.NoError(t, os.WriteFile(file, []byte("two\n"), 0o600))
	until(t, p, "m", func(m Member) bool { return m.OK })
}

// One that dies is unknown after its second miss, and counts again when it returns.
func TestDiesAndReturns(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	serve := func(l net.Listener) *http.Server {
		s := &http.Server{Handler: says(200, "OK"), ErrorLog: fetchtest.Quiet(), ReadHeaderTimeout: patience}
		go func() { _ = s.Serve(l) }()
		return s
	}
	s := serve(l)
	conf := quick(MemberConfig{Name: "m", URL: "http://" + address})
	conf.Every = 2 * time.Second
	p := run(t, conf)
	first := until(t, p, "m", func(m Member) bool { return m.OK })
	require.NoError(t, s.Close())
	gone := until(t, p, "m", func(m Member) bool { return !m.Known })
	require.Equal(t, ProblemConnect, gone.Problem)
	require.False(t, gone.OK)
	require.False(t, gone.At.Before(first.At), "it remembers when it last answered")
	require.Eventually(t, func() bool {
		if l, err = net.Listen("tcp", address); err != nil {
			return false
		}
		s = serve(l)
		return true
	}, patience, 10*time.Millisecond)
	t.Cleanup(func() { _ = s.Close() })
	back := until(t, p, "m", func(m Member) bool { return m.OK })
	require.True(t, back.At.After(gone.At))
	require.Empty(t, back.Problem)
}

// Neither the log nor the verdict tell the token.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	const token = "a-very-secret-token"
	var out syncBuffer
	url := exporter(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(r.Header.Get("Authorization")))
	}))
	p, err := New(Options{Config: quick(MemberConfig{Name: "m", URL: url, Token: secret.New(token)}), Logger: out.logger()})
	require.NoError(t, err)
	start(t, p)
	until(t, p, "m", func(m Member) bool { return m.Problem == ProblemCredentials })
	require.Eventually(t, func() bool { return strings.Contains(out.String(), ProblemCredentials) }, patience, time.Millisecond)
	require.NotContains(t, out.String(), token)
}

func FuzzJudge(f *testing.F) {
	f.Add(200, []byte("OK"))
	f.Add(503, []byte("FAIL\r\n"))
	f.Add(520, []byte("OK"))
	f.Add(302, []byte(""))
	f.Fuzz(func(t *testing.T, code int, body []byte) {
		ok, problem := judge(code, body)
		words := bytes.Fields(body)
		word := ""
		if len(words) == 1 {
			word = string(words[0])
		}
		switch {
		case ok:
			require.Equal(t, 200, code)
			require.Equal(t, "OK", word)
			require.Empty(t, problem)
		case problem == "":
			require.Contains(t, []int{500, 503, 520}, code)
			require.Equal(t, "FAIL", word)
		}
	})
}
