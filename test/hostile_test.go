package test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// echoServer is a provider that answers token and page requests with whatever
// it was sent, secrets included.
func echoServer(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	discovery(mux, s.URL)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		user, secret, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"error": "invalid_request", "error_description": fmt.Sprint(user, secret, r.Header["Authorization"], r.Form),
		})
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", strings.ToValidUTF8(r.Header.Get("Authorization"), ""))
		_, _ = fmt.Fprint(w, r.Header)
	})
	return s.URL
}

// discovery serves a discovery document and an empty but valid key set.
func discovery(mux *http.ServeMux, issuer string) {
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks",
			"userinfo_endpoint": issuer + "/userinfo", "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	})
}

// hostile serves one way of misbehaving below each path.
func hostile(t *testing.T) string {
	t.Helper()
	stop := make(chan struct{})
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		close(stop)
		s.CloseClientConnections()
		s.Close()
	})
	junk := bytes.Repeat([]byte("<p>junk</p>\n"), 4096)
	endless := func(w io.Writer) {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := w.Write(junk); err != nil {
				return
			}
		}
	}
	mux.HandleFunc("/endless/", func(w http.ResponseWriter, _ *http.Request) { endless(w) })
	mux.HandleFunc("/headers/", func(w http.ResponseWriter, _ *http.Request) {
		line := strings.Repeat("x", 64<<10)
		raw(w, func(b *bufio.Writer) {
			_, _ = b.WriteString("HTTP/1.1 200 OK\r\n")
			for i := range 160 { // 10 MB
				_, _ = fmt.Fprintf(b, "X-%d: %s\r\n", i, line)
			}
			_, _ = b.WriteString("\r\n")
		})
	})
	mux.HandleFunc("/loop/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
	})
	bomb := gzipped(200 << 20)
	mux.HandleFunc("/bomb/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})
	mux.HandleFunc("/hang/", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/garbage/", func(w http.ResponseWriter, _ *http.Request) {
		raw(w, func(b *bufio.Writer) { _, _ = b.Write(bytes.Repeat([]byte{0, 0xff, '\n'}, 1000)) })
	})
	return s.URL
}

// hostileProvider has a good discovery document and a bad authorization page.
func hostileProvider(t *testing.T, page http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	discovery(mux, s.URL)
	mux.HandleFunc("/authorize", page)
	mux.HandleFunc("/authorize/", page)
	return s.URL
}

func raw(w http.ResponseWriter, f func(*bufio.Writer)) {
	conn, b, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	f(b.Writer)
	_ = b.Flush()
}

func gzipped(size int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return b.Bytes()
}

// silent accepts connections and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	return listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}
