package httpprobe

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// seen records the requests a server got.
type seen struct {
	mu   sync.Mutex
	all  []string
	auth []string
}

func (s *seen) handler(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.all = append(s.all, r.Method+" "+r.URL.RequestURI()+" "+string(b))
		s.auth = append(s.auth, r.Header.Get("Authorization")+r.Header.Get("X-Api-Key")+r.Header.Get("Cookie")+r.Header.Get("X-Plain"))
		s.mu.Unlock()
		h(w, r)
	})
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path string
		change     func(*Options)
		outcome    probes.Outcome
		reason     probes.Reason
		want       []string // the requests
	}{
		{"302", "/to?code=302&n=/end", nil, probes.Pass, "", []string{"GET /to?code=302&n=/end ", "GET /end "}},
		{"relative", "/a/to?code=302&n=end", nil, probes.Pass, "", []string{"GET /a/to?code=302&n=end ", "GET /a/end "}},
		{"unfollowed", "/to?code=302&n=/end", func(o *Options) { o.FollowRedirects = false }, probes.Fail, probes.ReasonHTTPStatus, []string{"GET /to?code=302&n=/end "}},
		{"wanted", "/to?code=302&n=/end", func(o *Options) { o.Status = []Status{"3xx"} }, probes.Pass, "", []string{"GET /to?code=302&n=/end "}},
		{"loop", "/loop", nil, probes.Fail, probes.ReasonTooManyRedirects, []string{"GET /loop ", "GET /loop ", "GET /loop ", "GET /loop ", "GET /loop ", "GET /loop "}},
		{"none allowed", "/loop", func(o *Options) { o.MaxRedirects = 0 }, probes.Fail, probes.ReasonTooManyRedirects, []string{"GET /loop "}},
		{"post 303", "/to?code=303&n=/end", post, probes.Pass, "", []string{"POST /to?code=303&n=/end data", "GET /end "}},
		{"post 302", "/to?code=302&n=/end", post, probes.Pass, "", []string{"POST /to?code=302&n=/end data", "GET /end "}},
		{"post 307", "/to?code=307&n=/end", post, probes.Pass, "", []string{"POST /to?code=307&n=/end data", "POST /end data"}},
		{"put 301", "/to?code=301&n=/end", func(o *Options) { post(o); o.Method = "PUT" }, probes.Pass, "", []string{"PUT /to?code=301&n=/end data", "PUT /end data"}},
		{"head 303", "/to?code=303&n=/end", func(o *Options) { o.Method = "HEAD" }, probes.Pass, "", []string{"HEAD /to?code=303&n=/end ", "HEAD /end "}},
		{"no location", "/to?code=302&n=", nil, probes.Fail, probes.ReasonHTTPStatus, nil},
		{"script", "/to?code=302&n=javascript:alert(1)", nil, probes.Fail, probes.ReasonBadResponse, nil},
		{"file", "/to?code=302&n=file:///etc/passwd", nil, probes.Fail, probes.ReasonBadResponse, nil},
		{"nonsense", "/to?code=302&n=http://%25zz", nil, probes.Fail, probes.ReasonBadResponse, nil},
		{"elsewhere", "/to?code=302&n=http://169.254.169.254/latest", nil, probes.Fail, probes.ReasonOriginRefused, nil},
		{"other port", "/to?code=302&n=http://127.0.0.1:1/", nil, probes.Fail, probes.ReasonOriginRefused, nil},
		{"not modified", "/to?code=304&n=/end", nil, probes.Fail, probes.ReasonHTTPStatus, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var s seen
			server := httptest.NewServer(s.handler(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/loop":
					http.Redirect(w, r, "/loop", http.StatusFound)
				case strings.HasSuffix(r.URL.Path, "/to"):
					if n := r.URL.Query().Get("n"); n != "" {
						w.Header().Set("Location", n)
					}
					code := map[string]int{"301": 301, "302": 302, "303": 303, "304": 304, "307": 307}[r.URL.Query().Get("code")]
					w.WriteHeader(code)
				}
			}))
			t.Cleanup(server.Close)
			r := runOnce(t, server.URL+c.path, c.change)
			require.Equal(t, "connect request response", steps(r), "one connection for all")
			if c.outcome == probes.Pass {
				require.Equal(t, probes.Pass, r.Outcome, r.Detail)
			} else {
				requireFailure(t, r, c.outcome, "response", c.reason)
			}
			if c.want != nil {
				require.Equal(t, c.want, s.all)
			} else {
				require.Len(t, s.all, 1)
			}
		})
	}
}

func post(o *Options) { o.Method, o.Body = "POST", "data" }

func TestCredentialsStayAtHome(t *testing.T) {
	t.Parallel()
	var there seen
	away := httptest.NewServer(there.handler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(away.Close)
	var here seen
	home := httptest.NewServer(here.handler(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/first":
			http.SetCookie(w, &http.Cookie{Name: "c", Value: "home"})
			http.Redirect(w, r, "/second", http.StatusFound)
		case "/second":
			http.Redirect(w, r, strings.Replace(away.URL, "http://", "http://user:pw@", 1), http.StatusFound)
		default:
			http.Redirect(w, r, away.URL, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(home.Close)
	for _, give := range []func(*Options){
		func(o *Options) { o.BearerToken = secret.New(canary) },
		func(o *Options) { o.Basic = &Basic{"u", secret.New(canary)} },
		func(o *Options) { o.SecretHeaders = map[string]secret.Secret{"X-Api-Key": secret.New(canary)} },
		func(o *Options) { o.Headers = map[string]string{"X-Api-Key": canary, "X-Plain": "plain"} },
	} {
		r := runOnce(t, home.URL+"/first", func(o *Options) { give(o); o.AllowedOrigins = []string{away.URL} })
		// The stranger's 401 says nothing about our key.
		requireFailure(t, r, probes.Fail, "response", probes.ReasonHTTPStatus)
	}
	require.Len(t, here.auth, 8)
	for _, a := range here.auth {
		require.NotEmpty(t, a)
	}
	// A cookie knows no port (RFC 6265, 8.5); nothing else goes along.
	require.Equal(t, []string{"c=home", "c=home", "c=home", "c=homeplain"}, there.auth)

	r := runOnce(t, home.URL+"/307", func(o *Options) { post(o); o.AllowedOrigins = []string{away.URL} })
	requireFailure(t, r, probes.Fail, "response", probes.ReasonOriginRefused)
	require.Len(t, there.all, 4, "the body goes nowhere else")
}

func TestAllowedOrigins(t *testing.T) {
	t.Parallel()
	o := NewOptions()
	o.URL, o.AllowedOrigins = "http://www.example.com/x", []string{"https://Other.example:443/"}
	pl, problems := o.compile(provider)
	require.Empty(t, problems)
	require.Equal(t, map[string]bool{
		"http://www.example.com": true, "https://www.example.com": true, "https://login.example.com": true, "https://other.example": true,
	}, pl.allowed)
	o.URL = "http://www.example.com:8080/x"
	pl, _ = o.compile(nil)
	require.False(t, pl.allowed["https://www.example.com"])
}

func TestStepsAddUpOverRedirects(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	secure := fetchtest.Server(t, ca.Issue(t, tomorrow, "127.0.0.1"), http.NotFoundHandler())
	plain := httptest.NewServer(http.RedirectHandler(secure.URL, http.StatusFound))
	t.Cleanup(plain.Close)
	r := runOnce(t, plain.URL, func(o *Options) {
		o.AllowedOrigins = []string{secure.URL}
		o.TLS = fetch.TLS{CAFile: ca.File}
		o.Status = []Status{"404"}
	})
	require.Equal(t, probes.Pass, r.Outcome, r.Detail)
	require.ElementsMatch(t, []string{"connect", "tls", "request", "response"}, strings.Fields(steps(r)))
	require.True(t, tomorrow.Equal(r.Facts.CertificateNotAfter))
}
