package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counterpart returns a binary that test/setup unpacked or the machine has, and
// skips the test where there is none.
func counterpart(t *testing.T, name string) string {
	t.Helper()
	for _, path := range []string{"../.cache/debian/usr/bin/" + name, "../.cache/debian/usr/sbin/" + name, "/usr/bin/" + name, "/usr/sbin/" + name} {
		if _, err := os.Stat(path); err == nil {
			path, err = filepath.Abs(path)
			require.NoError(t, err)
			return path
		}
	}
	t.Skipf("%s is not here: run test/setup where Debian's packages can be reached", name)
	return ""
}

func TestPrometheusScrapesWithABearerTokenAndAnswersQueries(t *testing.T) {
	t.Parallel()
	prometheus := counterpart(t, "prometheus")
	e := startDemo(t)
	dir := t.TempDir()
	writeFile(t, dir, "token", testToken)
	config := writeFile(t, dir, "prometheus.yml", fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: idp_exporter
    authorization: {credentials_file: token}
    static_configs: [{targets: [%q]}]
  - job_name: without_credential
    static_configs: [{targets: [%q]}]
`, strings.TrimPrefix(e.url, "http://"), strings.TrimPrefix(e.url, "http://")))
	address := "127.0.0.1:" + freePort(t)
	start(t, prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address,
		"--enable-feature=native-histograms")

	query := func(q string) (string, error) {
		resp, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(q))
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return "", err
		}
		var answer struct {
			Data struct {
				Result []struct {
					Value [2]any `json:"value"`
				} `json:"result"`
			} `json:"data"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return "", fmt.Errorf("%w: %s", err, body)
		}
		if len(answer.Data.Result) != 1 {
			return "", fmt.Errorf("%s: %d results", q, len(answer.Data.Result))
		}
		return fmt.Sprint(answer.Data.Result[0].Value[1]), nil
	}
	is := func(q, want string) {
		t.Helper()
		eventually(t, 30*time.Second, func() error {
			got, err := query(q)
			if err == nil && got != want {
				err = fmt.Errorf("%s is %s, want %s", q, got, want)
			}
			return err
		})
	}
	is(`up{job="idp_exporter"}`, "1")
	is(`up{job="without_credential"}`, "0")
	is(`idp_testall_pass`, "1")
	is(`min(idp_probe_verdict)`, "1")
	is(`count(idp_probe_info{kind="rule"} * on(probe, node) group_left idp_probe_success)`, "2")
	is(`histogram_count(idp_probe_duration_seconds{probe="login",result="pass"}) > bool 0`, "1")
	code, body := e.request(http.MethodPost, "/demo/key-unpublished/on", "")
	require.Equal(t, http.StatusOK, code, body)
	is(`idp_testall_pass`, "0")
	is(`max(idp_probe_failure_info{step="verify",reason="token_invalid",probe="login"})`, "1")
	is(`sum(increase(idp_probe_failures_total{reason="token_invalid",probe="login"}[5m])) > bool 0`, "1")
}
