package dial

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	ca := fetchtest.NewCA(t)
	conf, err := TLS(fetch.TLS{CAFile: ca.File, ServerName: "a.example", MinVersion: "1.3"})
	require.NoError(t, err)
	require.Equal(t, "a.example", conf.ServerName)
	require.EqualValues(t, 0x0304, conf.MinVersion)
	server := fetchtest.Server(t, ca.Issue(t, time.Now().Add(time.Hour), "a.example"), http.NotFoundHandler())
	transport := &http.Transport{TLSClientConfig: conf}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	conf, err = TLS(fetch.TLS{})
	require.NoError(t, err)
	require.EqualValues(t, 0x0303, conf.MinVersion)
	require.False(t, conf.InsecureSkipVerify)
	for _, bad := range []fetch.TLS{{CAFile: "missing"}, {CertFile: "a"}, {MinVersion: "2"}} {
		_, err := TLS(bad)
		require.Error(t, err)
	}
}

func TestWithPort(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"a": "a:9", "a:1": "a:1", "::1": "[::1]:9", "[::1]": "[::1]:9", "[::1]:1": "[::1]:1"} {
		got, err := WithPort(address, "9")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", ":1", "a:0", "a:x", "a:70000", "http://a", "a b", "a/b", "x@a"} {
		_, err := WithPort(bad, "9")
		require.Error(t, err, bad)
	}
}
