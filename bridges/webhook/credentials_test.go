package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func writePair(t testing.TB, c tls.Certificate) (cert, key string) {
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return cert, key
}

// TestOAuth2: one token serves many events; one that has ended is renewed once,
// and a receiver that goes on refusing is not asked forever.
func TestOAuth2(t *testing.T) {
	t.Parallel()
	var issued, valid, posts atomic.Int64
	var form atomic.Value
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			_ = r.ParseForm()
			user, password, _ := r.BasicAuth()
			form.Store(fmt.Sprint(user, " ", password, " ", r.Form.Encode()))
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprint("token-", issued.Add(1)), "token_type": "Bearer", "expires_in": 3600})
			return
		}
		posts.Add(1)
		if r.Header.Get("Authorization") != fmt.Sprint("Bearer token-", valid.Load()) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "bad "+r.Header.Get("Authorization"))
		}
	})
	o := optionsFor("cloudevents", s.URL+"/hook")
	o.OAuth2 = &OAuth2{TokenURL: s.URL + "/token", ClientID: "me", ClientSecret: secret.New("client-secret"), Scopes: []string{"a", "b"},
		Parameters: map[string]string{"audience": "x"}}
	require.Empty(t, o.Check(setting))
	d := open(t, o)
	valid.Store(1)
	for range 3 {
		require.NoError(t, deliver(t, d, raise("a", "")))
	}
	require.EqualValues(t, 1, issued.Load())
	require.Equal(t, "me client-secret audience=x&grant_type=client_credentials&scope=a+b", form.Load())
	valid.Store(2) // the first has ended before its time
	require.NoError(t, deliver(t, d, raise("a", "")))
	require.EqualValues(t, 2, issued.Load())
	require.EqualValues(t, 5, posts.Load())
	valid.Store(-1)
	err := deliver(t, d, raise("a", ""))
	require.ErrorContains(t, err, "401")
	require.NotContains(t, err.Error(), "token-")
	require.False(t, bridges.IsPermanent(err))
	require.EqualValues(t, 3, issued.Load())
	require.EqualValues(t, 7, posts.Load())
}

func TestOAuth2Refused(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/token", r.URL.Path, "nothing is sent without a token")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusBadRequest)
		_ = r.ParseForm()
		_, _ = fmt.Fprintf(w, `{"error": "invalid_client", "error_description": "%s is wrong"}`, r.Form.Get("client_secret"))
	})
	o := optionsFor("cloudevents", s.URL+"/hook")
	o.OAuth2 = &OAuth2{TokenURL: s.URL + "/token", ClientID: "me", ClientSecret: secret.New("client-secret"), ClientAuth: "post"}
	err := deliver(t, open(t, o), raise("a", ""))
	require.ErrorContains(t, err, "the token endpoint answered 400 invalid_client")
	require.NotContains(t, err.Error(), "client-secret")
	require.False(t, bridges.IsPermanent(err))
	require.EqualValues(t, 7, bridges.RetryAfter(err).Seconds())
}

// gateway is an OBM that gives tokens and takes each as often as it likes.
type gateway struct {
	gets, posts, valid atomic.Int64
	last               atomic.Value
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	switch {
	case user != "monitor" || password != "basic-password":
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodGet && r.URL.Path == obmRoot:
		n := g.gets.Add(1)
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: fmt.Sprint("session-", n), Path: "/opr-web", HttpOnly: true})
		http.SetCookie(w, &http.Cookie{Name: obmCookie, Value: fmt.Sprint("modify-", n), Path: "/"})
	case r.Method == http.MethodPost && r.URL.Path == obmEvents:
		g.posts.Add(1)
		want := fmt.Sprint(g.valid.Load())
		session, err := r.Cookie("JSESSIONID")
		if r.Header.Get(obmHeader) != "modify-"+want || err != nil || session.Value != "session-"+want || r.Header.Get("Content-Type") != "application/xml" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "stale "+r.Header.Get(obmHeader))
			return
		}
		b, _ := io.ReadAll(r.Body)
		g.last.Store(string(b))
		w.WriteHeader(http.StatusAccepted)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// TestOBM: the token dance, a session that ends, and one that cannot be had.
func TestOBM(t *testing.T) {
	t.Parallel()
	g := &gateway{}
	s := serve(t, g.ServeHTTP)
	d := open(t, optionsFor("obm", s.URL))
	g.valid.Store(1)
	for range 3 {
		require.NoError(t, deliver(t, d, raise("a1b2", "text")))
	}
	require.EqualValues(t, 1, g.gets.Load())
	require.Contains(t, g.last.Load(), "<key>idp:a1b2:major</key>")
	g.valid.Store(2)
	require.NoError(t, deliver(t, d, clear(raise("a1b2", "text"))))
	require.EqualValues(t, 2, g.gets.Load())
	require.EqualValues(t, 5, g.posts.Load())
	require.Contains(t, g.last.Load(), "<severity>normal</severity>")
	g.valid.Store(-1)
	err := deliver(t, d, raise("a1b2", "text"))
	require.ErrorContains(t, err, "403")
	require.NotContains(t, err.Error(), "modify-")
	require.EqualValues(t, 3, g.gets.Load(), "once, not for ever")

	o := optionsFor("obm", s.URL)
	o.Basic.Password = secret.New("wrong-password")
	before := g.gets.Load() + g.posts.Load()
	err = deliver(t, open(t, o), raise("a1b2", "text"))
	require.ErrorContains(t, err, "401")
	require.False(t, bridges.IsPermanent(err))
	require.Equal(t, before, g.gets.Load()+g.posts.Load())

	other := serve(t, status(200))
	require.ErrorContains(t, deliver(t, open(t, optionsFor("obm", other.URL)), raise("a", "")), "is this the event web service?")
}

// TestNoSecretIsTold: a receiver that repeats everything it is sent, in every
// spelling, makes no error tell a secret.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	echo := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		body, _ := io.ReadAll(r.Body)
		for _, values := range r.Header {
			_, _ = io.WriteString(w, strings.Join(values, " ")+" ")
		}
		_, _ = fmt.Fprintf(w, "%s %s %q", r.RequestURI, body, body)
	})
	canary := func(name string) string { return "canary-" + name + "-Xq7%&\"/é" }
	token := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "canary-access-token", "token_type": "Bearer"})
	})
	file := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(file, []byte(echo.URL+"/canary-path/x?sig=canary-query%26&y=1"), 0o600))
	for name, change := range map[string]func(*Options){
		"bearer":  func(o *Options) { o.BearerToken = secret.New("canary-bearer-token") },
		"basic":   func(o *Options) { o.Basic = &Basic{"monitor", secret.New(canary("basic"))} },
		"header":  func(o *Options) { o.SecretHeaders = map[string]secret.Secret{"X-Key": secret.New("canary-header-&x")} },
		"routing": func(o *Options) { o.Template, o.RoutingKey = "pagerduty", secret.New(canary("routing")) },
		"oauth2": func(o *Options) {
			o.OAuth2 = &OAuth2{TokenURL: token.URL, ClientID: "me", ClientSecret: secret.New(canary("client"))}
		},
		"hmac": func(o *Options) { o.HMAC = &HMAC{Secret: secret.New(canary("hmac"))} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := optionsFor("slack", "")
			o.URLFile = file
			change(o)
			require.Empty(t, withoutWarnings(o.Check(setting)))
			err := deliver(t, open(t, o), raise("a", ""))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", o, o, *o), "canary-")
			var marked *statusError
			require.True(t, errors.As(err, &marked))
		})
	}
}
