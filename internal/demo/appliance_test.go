package demo

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func startedAppliance(t *testing.T, o ApplianceOptions) *RunningAppliance {
	t.Helper()
	a, err := StartAppliance(t.Context(), "", o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

var dateLine = regexp.MustCompile(`(?m)^Date: .*\r\n`)

// exchange sends one request and returns the whole answer, byte for byte but for
// the date.
func exchange(t *testing.T, address, method, path, user, key string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, nil)
	require.NoError(t, err)
	if user != "" {
		req.SetBasicAuth(user, key)
	}
	req.Close = true
	require.NoError(t, req.Write(conn))
	raw, err := io.ReadAll(bufio.NewReader(conn))
	require.NoError(t, err)
	text := dateLine.ReplaceAllString(string(raw), "")
	return strings.Replace(text, "Connection: close\r\n", "", 1)
}

// answerOf spells an answer out.
func answerOf(status string, headers []string, body string) string {
	return "HTTP/1.1 " + status + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n" + body
}

// What the documentation says of each answer. It names no reason phrase for 520,
// and no code for a wrong key.
func TestApplianceAnswersToTheByte(t *testing.T) {
	t.Parallel()
	frozen := time.UnixMilli(1417220191640) // the clock of the documented sample; the limit is never refilled
	const (
		host, express, empty = "X-Auth0-Host: a0-1", "X-Powered-By: Express", "Content-Length: 0"
		tag                  = `ETag: W/"a-oQDOV50e1MN2H/N8GYi+8w"`
	)
	good := answerOf("204 No Content", []string{tag, host, express}, "")
	warning := answerOf("520 status code 520", []string{empty, host, express}, "")
	refused := answerOf("401 Unauthorized", []string{empty, `WWW-Authenticate: Basic realm="health"`, host, express}, "")
	absent := answerOf("404 Not Found", []string{empty, host, express}, "")
	limited := answerOf("429 Too Many Requests", []string{empty, host, express}, "")
	all := []string{"cpu", "memory", "disk", "services", "network", "internet", "email", "db", "replicaset"}
	require.Equal(t, all, ApplianceResources())

	for _, prefix := range []string{"", "/health"} {
		for _, resource := range all {
			a := startedAppliance(t, ApplianceOptions{Now: func() time.Time { return frozen }})
			ask := func(method, user, key string) string {
				return exchange(t, a.Address, method, prefix+"/status/"+resource, user, key)
			}
			require.Equal(t, good, ask("GET", ApplianceUser, ApplianceKey), resource)
			require.Equal(t, good, ask("HEAD", ApplianceUser, ApplianceKey))
			require.NoError(t, a.SetBroken(resource, true))
			require.Equal(t, warning, ask("GET", ApplianceUser, ApplianceKey))
			require.Equal(t, warning, ask("HEAD", ApplianceUser, ApplianceKey))
			for _, other := range all {
				if other != resource {
					require.Equal(t, good, exchange(t, a.Address, "GET", "/status/"+other, ApplianceUser, ApplianceKey), "only %s is broken", resource)
					break
				}
			}
			require.NoError(t, a.SetBroken(resource, false))
			require.Equal(t, good, ask("GET", ApplianceUser, ApplianceKey))
			for range 3 {
				require.Equal(t, good, ask("GET", ApplianceUser, ApplianceKey))
			}
			require.Equal(t, absent, exchange(t, a.Address, "GET", prefix+"/status/"+resource+"/x", ApplianceUser, ApplianceKey))
			require.Equal(t, refused, ask("GET", "", ""), "whoever has no key uses up nothing")
			require.Equal(t, refused, ask("GET", ApplianceUser, "wrong"))
			require.Equal(t, refused, ask("GET", "admin", ApplianceKey))
			require.Equal(t, limited, ask("GET", ApplianceUser, ApplianceKey), "the eleventh within a second")
		}
	}

	a := startedAppliance(t, ApplianceOptions{Now: func() time.Time { return frozen }})
	require.Equal(t, answerOf("200 OK", []string{"Content-Length: 23", "Content-Type: application/json", express}, `{"clock":1417220191640}`),
		exchange(t, a.Address, "GET", "/test", "", ""))
	require.Equal(t, answerOf("200 OK", []string{"Content-Length: 2", "Content-Type: text/plain", "X-Frame-Options: DENY", express}, "OK"),
		exchange(t, a.Address, "GET", "/testall", "", ""))
	for _, c := range ApplianceComponents() {
		require.NoError(t, a.SetComponentDown(c, true))
	}
	body := strings.Join([]string{
		"manage seems down. Reason: connect ENOENT /var/lib/auth0/sockets/auth0-manage.socket",
		"docs seems down. Reason: connect ECONNREFUSED 127.0.0.1:5000",
		"users seems down. Reason: connect ECONNREFUSED 127.0.0.1:7777",
		"api2 seems down. Reason: connect ENOENT /var/lib/auth0/sockets/auth0-api2.socket",
	}, "\n")
	require.Equal(t, answerOf("500 Internal Server Error",
		[]string{fmt.Sprintf("Content-Length: %d", len(body)), "Content-Type: text/html; charset=utf-8", express}, body),
		exchange(t, a.Address, "GET", "/testall", "", ""))
}

func TestApplianceLimitsByTheSecond(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	a := startedAppliance(t, ApplianceOptions{Now: func() time.Time { return now }})
	codes := func(n int) (good int) {
		for range n {
			if strings.HasPrefix(exchange(t, a.Address, "GET", "/status/cpu", ApplianceUser, ApplianceKey), "HTTP/1.1 204") {
				good++
			}
		}
		return good
	}
	require.Equal(t, 10, codes(15))
	now = now.Add(500 * time.Millisecond)
	require.Equal(t, 5, codes(10))
	now = now.Add(time.Hour)
	require.Equal(t, 10, codes(11))
}

func TestApplianceSwitches(t *testing.T) {
	t.Parallel()
	a := startedAppliance(t, ApplianceOptions{Host: "n7", Key: "k"})
	status := func() string { return exchange(t, a.Address, "GET", "/status/cpu", ApplianceUser, "k") }
	require.Contains(t, status(), "204")
	list := a.Switches()
	require.Len(t, list, len(ApplianceResources())+len(ApplianceComponents())+4)
	for _, s := range list {
		require.False(t, s.Broken)
		require.NotEmpty(t, s.Description)
		before := exchange(t, a.Address, "GET", "/testall", "", "")
		require.NoError(t, a.Set(s.Name, true))
		i := slices.IndexFunc(a.Switches(), func(o Switch) bool { return o.Name == s.Name })
		require.True(t, a.Switches()[i].Broken)
		switch {
		case strings.HasPrefix(s.Name, "appliance-testall-"):
			require.Contains(t, exchange(t, a.Address, "GET", "/testall", "", ""), strings.TrimPrefix(s.Name, "appliance-testall-")+" seems down")
		case s.Name == SwitchApplianceKey:
			require.Contains(t, status(), "401")
		case s.Name == SwitchApplianceHost:
			require.Contains(t, status(), "X-Auth0-Host: not-n7")
		case s.Name == SwitchApplianceLimit:
			require.Contains(t, status(), "429")
		case s.Name == SwitchApplianceClock:
			require.NotContains(t, exchange(t, a.Address, "GET", "/test", "", ""), fmt.Sprintf(`"clock":%d`, time.Now().Unix()))
		}
		require.NoError(t, a.Set(s.Name, false))
		require.Equal(t, before, exchange(t, a.Address, "GET", "/testall", "", ""))
	}
	require.Error(t, a.Set("appliance-none", true))
	require.Error(t, a.SetBroken("none", true))
	require.Error(t, a.SetComponentDown("none", true))
	require.Positive(t, a.Requests()["GET /status/cpu"])

	a.SetRestarting(true)
	_, err := newClient(t).Get(a.URL + "/status/cpu")
	require.Error(t, err, "nobody answers")
	require.Contains(t, exchange(t, a.Address, "GET", "/test", "", ""), "200 OK")
	a.SetRestarting(false)

	_, err = StartAppliance(t.Context(), "0.0.0.0:0", ApplianceOptions{})
	require.ErrorContains(t, err, "loopback")
}
