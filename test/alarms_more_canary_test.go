package test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// treacherous answers whatever it is sent, credentials included, with a status
// that is retried or refuses for good, in turn, as text, JSON and a redirect.
func treacherous(t *testing.T) *httptest.Server {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		user, password, _ := r.BasicAuth()
		said := []any{r.URL.String(), r.Header, user, password, string(body)}
		if strings.HasPrefix(r.URL.Path, "/token") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": fmt.Sprint(password, " ", string(body)), "error_description": fmt.Sprint(said...)})
			return
		}
		code := []int{http.StatusInternalServerError, http.StatusBadRequest, http.StatusFound, http.StatusUnauthorized}[n.Add(1)%4]
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere?"+url.QueryEscape(fmt.Sprint(said...)))
		}
		w.WriteHeader(code)
		if n.Load()%3 == 0 {
			_ = json.NewEncoder(w).Encode(said[1])
			return
		}
		// The beginning of an answer is what is shown, so credentials come first.
		for _, name := range []string{"Authorization", "X-Secret", "X-Api-Key", "Cookie", "X-Signature-256"} {
			_, _ = fmt.Fprint(w, r.Header[name])
		}
		_, _ = fmt.Fprint(w, said...)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestCanariesInBridgesComeOutNowhere plants a secret of its own in every field
// of a bridge that takes one, against receivers that fail and echo, and looks for
// them in logs, metrics, pages, answers, the storage, the audit trail and the dump of a crash.
func TestCanariesInBridgesComeOutNowhere(t *testing.T) {
	t.Parallel()
	to := treacherous(t)
	canaries := map[string]string{}
	plain := func(name string) string {
		canaries[name] = "canary-" + strings.ReplaceAll(name, " ", "-")
		return canaries[name]
	}
	canary := func(name string) string {
		canaries[name] = "canary-" + strings.ReplaceAll(name, " ", "-") + `-Xq7%&"/`
		return "'" + canaries[name] + "'"
	}
	dir, storage := t.TempDir(), t.TempDir()
	urlFile := writeFile(t, dir, "url", to.URL+"/hook/"+plain("path of a url in a file")+"?key="+plain("query of a url in a file")+"\n")
	body := `content_type: application/json, body: '{"text": {{json .Text}}, "kind": {{json .Kind}}}'`
	hook := func(name, more string) string {
		return "  - {name: " + name + ", kind: webhook, " + more + "}\n"
	}
	nowhere := "127.0.0.1:" + freePort(t)
	config := farProbe + "log: {level: debug}\naudit: {file: {path: audit.jsonl}}\nalarms: {heartbeat: 1s, resend: 1s}\nbridges:\n" +
		hook("query", "url: '"+to.URL+"/hook?key="+plain("query of a url")+"', "+body) +
		hook("file", "url_file: '"+urlFile+"', "+body) +
		hook("slack", "template: slack, url: '"+to.URL+"/services/"+plain("path of slack")+"'") +
		hook("bearer", "url: '"+to.URL+"/', bearer_token: "+canary("bearer token")+", "+body) +
		hook("basic", "url: '"+to.URL+"/', basic: {username: monitor, password: "+canary("basic password")+"}, "+body) +
		hook("headers", "url: '"+to.URL+"/', secret_headers: {X-Secret: "+canary("secret header")+"}, headers: {Authorization: "+canary("authorization header")+
			", X-Api-Key: "+canary("key header")+", Cookie: "+canary("cookie header")+"}, "+body) +
		hook("hmac", "url: '"+to.URL+"/', hmac: {secret: "+canary("hmac secret")+"}, "+body) +
		hook("oauth", "url: '"+to.URL+"/', oauth2: {token_url: '"+to.URL+"/token', client_id: exporter, client_secret: "+canary("client secret")+", client_auth: post}, "+body) +
		hook("oauthbasic", "url: '"+to.URL+"/', oauth2: {token_url: '"+to.URL+"/token', client_id: exporter, client_secret: "+canary("client secret in basic")+"}, "+body) +
		hook("pagerduty", "template: pagerduty, url: '"+to.URL+"/v2/enqueue', routing_key: "+canary("routing key")) +
		hook("obm", "template: obm, url: '"+to.URL+"', basic: {username: monitor, password: "+canary("obm password")+"}") +
		hook("proxied", "url: 'http://console.example.invalid/', proxy: 'http://exporter@"+strings.TrimPrefix(to.URL, "http://")+"', proxy_password: "+canary("proxy password")+", "+body) +
		"  - name: snmp\n    kind: snmp\n    destinations:\n" +
		"      - {name: v1, version: v1, address: '" + nowhere + "', community: " + canary("community of v1") + "}\n" +
		"      - {name: v2c, address: '" + nowhere + "', community: " + canary("community of v2c") + ", inform: true, timeout: 100ms}\n" +
		"      - {name: v3, version: v3, address: '" + nowhere + "', inform: true, timeout: 100ms, v3: {user: exporter, auth_password: " + canary("auth password") + ", priv_password: " + canary("priv password") + "}}\n" +
		"      - {name: v3trap, version: v3, address: '" + nowhere + "', v3: {user: exporter, auth_password: " + canary("auth password of traps") + ", priv_password: " + canary("priv password of traps") + "}}\n" +
		"  - {name: syslog, kind: syslog, address: 'udp://" + nowhere + "'}\n"
	file := writeFile(t, dir, "c.yml", config+accessFor(testToken))
	e := serveFile(t, file, "--log.level=debug", "--storage.path="+storage)
	e.alerts(alertOf("shop", true))
	names := []string{"query", "file", "slack", "bearer", "basic", "headers", "hmac", "oauth", "oauthbasic", "pagerduty", "obm", "proxied", "snmp"}
	eventually(t, 30*time.Second, func() error {
		_, body := e.get("/api/v1/alarms")
		var answer struct {
			Deliveries []struct {
				Bridge    string
				LastError string `json:"last_error"`
			}
		}
		require.NoError(t, json.Unmarshal([]byte(body), &answer), body)
		failed := map[string]bool{}
		for _, d := range answer.Deliveries {
			failed[d.Bridge] = failed[d.Bridge] || d.LastError != ""
		}
		for _, name := range names {
			if !failed[name] {
				return fmt.Errorf("%s has not failed yet", name)
			}
		}
		return nil
	})

	var seen strings.Builder
	token := writeFile(t, dir, "token", testToken)
	for range 4 { // one for each way of failing
		for _, name := range names {
			stdout, stderr, _ := command(t, "bridge", "test", name, "--url="+e.url, "--token-file="+token)
			seen.WriteString(stdout + stderr)
		}
		e.alerts(alertOf("shop", false))
		e.alerts(alertOf("shop", true), alertOf("bank", true))
		for _, path := range []string{"/metrics", "/api/v1/alarms", "/", "/api/v1/results", "/-/ready", "/testall?verbose"} {
			for _, accept := range []string{"", "application/json", "text/html"} {
				_, body := e.request(http.MethodGet, path, accept)
				seen.WriteString(body)
			}
		}
	}
	_, answer := e.get("/api/v1/alarms")
	require.NotContains(t, answer, "\"dead_letters\": [\n]", "something was refused for good")
	_, answer = e.request(http.MethodPost, "/-/reload", "")
	seen.WriteString(answer)
	for _, args := range [][]string{
		{"check-config", file},
		{"bridge", "test", "headers", "--config.file=" + file},
		{"check-config", writeFile(t, dir, "bad1.yml", strings.ReplaceAll(config, "secret:", "secrets:"))},
		{"check-config", writeFile(t, dir, "bad2.yml", strings.ReplaceAll(config, "auth_password:", "auth_pass:"))},
		{"check-config", writeFile(t, dir, "bad3.yml", strings.ReplaceAll(config, to.URL, "://"))},
	} {
		stdout, stderr, _ := command(t, args...)
		seen.WriteString(stdout + stderr)
	}
	e.signal(syscall.SIGQUIT) // the runtime's crash output: every stack
	<-e.done
	require.Contains(t, e.output(), "goroutine ", "the crash dump is looked at too")
	seen.WriteString(e.output())
	kept := 0
	for _, folder := range []string{storage, filepath.Join(dir, "audit.jsonl")} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			kept += len(content)
			seen.Write(content)
			return err
		}))
	}
	require.Greater(t, kept, 10_000, "storage and audit trail are looked at")
	canaries["token of the exporter"] = testToken
	for name, value := range canaries {
		for _, spelling := range []string{
			value, url.QueryEscape(value), url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value)), "canary-" + strings.ReplaceAll(name, " ", "-"),
		} {
			if i := strings.Index(seen.String(), spelling); i >= 0 {
				t.Errorf("the %s is seen: …%s…", name, seen.String()[max(0, i-300):min(seen.Len(), i+len(spelling)+50)])
				break
			}
		}
	}
}
