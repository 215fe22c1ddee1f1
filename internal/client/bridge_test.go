package client

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBridgeRequests(t *testing.T) {
	t.Parallel()
	e := newExporter(t, 200, `{"bridge":"noc","id":"test-11","ok":false,"replayed":3,"later":1,"destinations":[
		{"destination":"scom","ok":true,"acknowledged":false,"proof":"a trap has no acknowledgement","duration_seconds":0.001},
		{"destination":"noc","ok":true,"acknowledged":true,"proof":"acknowledged by an inform response","duration_seconds":0.012},
		{"destination":"net\u001b[31mcool","ok":false,"acknowledged":true,"proof":"x","raise_error":"no\u001b[2Janswer","duration_seconds":10}]}`)
	c := newClient(t, Options{URL: e.URL + "/prefix/"})
	asked := func() string { return e.last.Method + " " + e.last.URL.EscapedPath() }

	r, err := c.TestBridge(t.Context(), "noc 1/2")
	require.NoError(t, err)
	require.Equal(t, "POST /prefix/-/bridges/noc%201%2F2/test", asked())
	require.False(t, r.OK)
	require.Equal(t, `bridge noc: test alarm test-11, and its clear
  scom: sent (1ms)
    not proven that it arrived: a trap has no acknowledgement
    look for test-11 in the console
  noc: arrived (12ms)
    proven: acknowledged by an inform response
  net[31mcool: FAILED (10s)
    the alarm was not taken: no[2Janswer
    its clear was taken`, r.String())

	require.NoError(t, c.Replay(t.Context(), "5-abc"))
	require.Equal(t, "POST /prefix/-/dead-letters/5-abc/replay", asked())
	n, err := c.ReplayAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, "POST /prefix/-/dead-letters/replay", asked())

	e.last = nil
	for _, name := range []string{"", ".", ".."} {
		_, err = c.TestBridge(t.Context(), name)
		require.ErrorContains(t, err, "give a name")
		require.ErrorContains(t, c.Replay(t.Context(), name), "give a name")
	}
	require.Nil(t, e.last)
}

func TestBridges(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 2, 1, 21, 0, 0, 0, time.UTC)
	e := newExporter(t, 200, `{"total":5,"alarms":[{"id":"a","severity":"critical","raised":"2031-02-01T20:00:00Z","active":true,"labels":{"a":"b"}}],"deliveries":[
		{"bridge":"noc","kind":"snmp","destination":"scom","acknowledged":false,"pending":0,"failures":0,"dead_letters":1},
		{"bridge":"chat","kind":"webhook","destination":"hooks","acknowledged":true,"pending":2,"oldest":"2031-02-01T20:59:19Z","failures":3,
		 "last_error":"503\tService\nUnavailable","last_error_time":"2031-02-01T20:59:55Z"}],
	"dead_letters":[{"id":"5-abc","bridge":"noc","destination":"scom","event":"raise","alarm":"login-1","name":"login","error":"400","time":"2031-02-01T20:56:50Z"}]}`)
	c, err := New(Options{URL: e.URL})
	require.NoError(t, err)
	a, err := c.Alarms(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "GET /api/v1/alarms?limit=1", e.last.Method+" "+e.last.URL.String())
	require.Empty(t, e.last.Header["Authorization"], "no token, no header")
	require.Equal(t, 5, a.Total)
	require.Equal(t, Alarm{ID: "a", Severity: "critical", Raised: now.Add(-time.Hour), Active: true, Labels: map[string]string{"a": "b"}}, a.Alarms[0])
	require.Equal(t, ""+
		"BRIDGE  KIND     DESTINATION  ACKNOWLEDGES  WAITING  FOR  FAILURES  LAST ERROR\n"+
		"noc     snmp     scom         no            0        -    0         -\n"+
		"chat    webhook  hooks        yes           2        41s  3         503Service Unavailable (5s ago)\n"+
		"dead letter 5-abc: noc/scom refused the raise of login (login-1) 3m10s ago: 400", a.bridges(now))
	require.Equal(t, "no bridge is configured", Alarms{}.Bridges())
}

func TestBridgeRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		body string
		test string
		list string
	}{
		{401, "x", "token create --scope=admin", "token create --scope=page"},
		{403, "the credential lacks it", "the scope admin is needed: the credential lacks it", "the scope page is needed"},
		{404, "not found\n", "does not know bridges", "does not know alarms"},
		{404, "there is no bridge \"x\"; there are noc\n", "there are noc", "there are noc"},
		{503, "disk full", "disk full", "disk full"},
	} {
		e := newExporter(t, c.code, c.body)
		client := newClient(t, Options{URL: e.URL})
		_, err := client.TestBridge(t.Context(), "x")
		require.ErrorContains(t, err, c.test)
		_, err = client.Alarms(t.Context(), 0)
		require.ErrorContains(t, err, c.list)
		require.Error(t, client.Replay(t.Context(), "x"))
		_, err = client.ReplayAll(t.Context())
		require.Error(t, err)
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	_, err := newClient(t, Options{URL: slow.URL, Timeout: 50 * time.Millisecond}).TestBridge(t.Context(), "noc")
	require.ErrorContains(t, err, "look for an alarm named test in the console")
}
