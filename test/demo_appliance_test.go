package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// The answers of an appliance's /status/*, to the byte but for the date. Its
// documentation names neither the reason phrase of 520 nor the headers of 401 and
// 404, which have to be without a body as all others.
const (
	applianceWell    = "HTTP/1.1 204 No Content\r\nETag: W/\"a-oQDOV50e1MN2H/N8GYi+8w\"\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
	applianceWarning = "HTTP/1.1 520 status code 520\r\nContent-Length: 0\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
	applianceLimited = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
	applianceAbsent  = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Auth0-Host: a0-1\r\nX-Powered-By: Express\r\n\r\n"
	applianceRefused = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
)

var (
	ownHeaders     = regexp.MustCompile(`(?m)^(Date|Connection): .*\r\n`)
	refusalHeaders = regexp.MustCompile(`(?m)^(WWW-Authenticate|Www-Authenticate|Cache-Control|X-[A-Za-z0-9-]+): .*\r\n`)
)

// statusServer answers /status/*: the emulator, or this exporter.
type statusServer struct{ name, address, key string }

// raw sends requests over one connection, all at once, and returns what comes
// back until it closes.
func (s statusServer) raw(t *testing.T, method, path, user, key string, times int) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	out := bufio.NewWriterSize(conn, 1<<20)
	for i := range times {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address+path, nil)
		require.NoError(t, err)
		if user != "" {
			r.SetBasicAuth(user, key)
		}
		r.Close = i == times-1
		require.NoError(t, r.Write(out))
	}
	require.NoError(t, out.Flush())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	return ownHeaders.ReplaceAllString(string(answer), "")
}

// ask sends one request, again while the ten of a second are used up.
func (s statusServer) ask(t *testing.T, method, path, user, key string) (answer string) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		if answer = s.raw(t, method, path, user, key, 1); answer == applianceLimited {
			return fmt.Errorf("%s is asked too often", s.name)
		}
		return nil
	})
	return answer
}

// TestEmulatorAndExporterAnswerAsTheApplianceToTheByte sends the same requests to
// both, over bare sockets.
func TestEmulatorAndExporterAnswerAsTheApplianceToTheByte(t *testing.T) {
	t.Parallel()
	emulator, err := demo.StartAppliance(t.Context(), "", demo.ApplianceOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, emulator.Close()) })

	service, err := net.Listen("tcp", "127.0.0.1:0") // what all resources of the exporter rest on
	require.NoError(t, err)
	defer func() { _ = service.Close() }()
	config := "status:\n  host: " + demo.ApplianceHost + "\n"
	for _, r := range status.Resources() {
		config += "  " + r + ": [service]\n"
	}
	config += fmt.Sprintf(`providers: [{issuer: "http://%[1]s"}]
probes: [{name: service, kind: tcp, address: "%[1]s", every: 1s, fail_after: 1}]
access: {users: [{name: %s, hash: %q, scopes: [status]}], open: [testall], guess_limit: 1000}
`, service.Addr(), status.User, access.HashToken(testToken))
	e := serveFile(t, writeFile(t, t.TempDir(), "idp_exporter.yml", config))
	e.waitTestall("OK", 10*time.Second)

	servers := []statusServer{
		{"the emulator", emulator.Address, demo.ApplianceKey},
		{"this exporter", strings.TrimPrefix(e.url, "http://"), testToken},
	}
	both := func(t *testing.T, want string) {
		t.Helper()
		for _, s := range servers {
			for _, prefix := range []string{"", "/health"} {
				for _, resource := range status.Resources() {
					require.Equal(t, want, s.ask(t, "GET", prefix+"/status/"+resource, status.User, s.key), "%s: %s/status/%s", s.name, prefix, resource)
				}
				require.Equal(t, want, s.ask(t, "HEAD", prefix+"/status/cpu", status.User, s.key), s.name)
			}
		}
	}
	both(t, applianceWell)

	require.NoError(t, service.Close())
	e.waitTestall("FAIL", 10*time.Second)
	for _, r := range demo.ApplianceResources() {
		require.NoError(t, emulator.SetBroken(r, true))
	}
	both(t, applianceWarning)

	for _, s := range servers {
		for _, prefix := range []string{"/status/", "/health/status/"} {
			for _, c := range []struct{ path, user, key, want string }{
				{"none", status.User, s.key, applianceAbsent},
				{"", status.User, s.key, applianceAbsent},
				{"cpu/x", status.User, s.key, applianceAbsent},
				{"cpu", "", "", applianceRefused},
				{"cpu", status.User, "wrong", applianceRefused},
				{"cpu", "somebody", s.key, applianceRefused},
				{"none", "", "", applianceRefused},
			} {
				answer := s.ask(t, "GET", prefix+c.path, c.user, c.key)
				if c.want == applianceRefused {
					require.Regexp(t, `(?m)^W[Ww][Ww]-Authenticate: Basic realm=`, answer, s.name)
					answer = refusalHeaders.ReplaceAllString(answer, "")
				}
				require.Equal(t, c.want, answer, "%s: %s%s", s.name, prefix, c.path)
			}
			eventually(t, 30*time.Second, func() error {
				answers := s.raw(t, "GET", prefix+"cpu", status.User, s.key, 60)
				limited := strings.Count(answers, applianceLimited)
				require.Equal(t, 60, limited+strings.Count(answers, applianceWarning), "%s: %s", s.name, answers)
				require.Len(t, answers, limited*len(applianceLimited)+(60-limited)*len(applianceWarning), s.name)
				if limited == 0 {
					return fmt.Errorf("%s answered 60 requests at once", s.name)
				}
				return nil
			})
		}
	}
}

// TestEverySwitchOfTheDemosAppliance breaks the appliance of a running demo in
// every way there is.
func TestEverySwitchOfTheDemosAppliance(t *testing.T) {
	t.Parallel()
	e := startDemo(t)
	url := regexp.MustCompile(`appliance at (http://127\.0\.0\.1:\d+)\n`).FindStringSubmatch(e.output())
	require.NotNil(t, url, "the demo prints where its appliance is")
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Get(url[1] + "/testall")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	e.waitTestall("OK", 10*time.Second)
	e.waitAllPassSince(time.Time{}, 30*time.Second)
	left := map[string]bool{}
	for _, s := range demo.Switches() {
		left[s.Name] = strings.HasPrefix(s.Name, "appliance-")
	}
	set := func(state string, names ...string) {
		t.Helper()
		for _, name := range names {
			code, body := e.request(http.MethodPost, "/demo/"+name+"/"+state, "")
			require.Equal(t, http.StatusOK, code, body)
			require.True(t, left[name], name)
		}
	}
	try := func(probe, outcome, step string, reason probes.Reason, names ...string) *probes.Result {
		t.Helper()
		set("on", names...)
		defer func() {
			set("off", names...)
			for _, name := range names {
				delete(left, name)
			}
		}()
		var last *probes.Result
		eventually(t, 30*time.Second, func() error { // all of it, in one run
			last = e.waitResult(probe, outcome, step, string(reason), 30*time.Second).Last
			for _, s := range last.Steps {
				if step == "cpu" && reason == probes.ReasonReportedDown && s.Name != "test" && s.Outcome != probes.Fail {
					return fmt.Errorf("%s: %s", s.Name, s.Outcome)
				}
			}
			return nil
		})
		_, testall := e.get("/testall")
		require.Equal(t, "OK", testall, "sign-in does not depend on it")
		return last
	}

	var resources, components []string
	for _, r := range demo.ApplianceResources() {
		resources = append(resources, "appliance-"+r)
	}
	for _, c := range demo.ApplianceComponents() {
		components = append(components, "appliance-testall-"+c)
	}
	last := try("appliance", "fail", "cpu", probes.ReasonReportedDown, resources...)
	require.Len(t, last.Steps, len(resources)+1, "each resource is a step, and the clock")
	last = try("appliance-testall", "fail", "response", probes.ReasonReportedDown, components...)
	require.Contains(t, last.Detail, "down: "+strings.Join(demo.ApplianceComponents(), ", "))
	require.Len(t, last.Assertions, len(components))
	try("appliance", "unknown", "cpu", probes.ReasonClientRefused, demo.SwitchApplianceKey)
	try("appliance", "unknown", "cpu", probes.ReasonRateLimited, demo.SwitchApplianceLimit)
	try("appliance", "fail", "cpu", probes.ReasonNodeMismatch, demo.SwitchApplianceHost)
	try("appliance", "fail", "test", probes.ReasonClockOffset, demo.SwitchApplianceClock)
	for name, open := range left {
		require.False(t, open, "%s was not tried", name)
	}
	e.waitAllPassSince(time.Now(), 30*time.Second)
	_, metrics := e.get("/metrics")
	for _, r := range demo.ApplianceResources() {
		require.Contains(t, metrics, fmt.Sprintf("idp_appliance_status{node=\"\",probe=\"appliance\",resource=%q} 1\n", r))
	}
}

// TestTheDemosSwitchesAreTold looks for every switch where people look.
func TestTheDemosSwitchesAreTold(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/commands/demo.md")
	require.NoError(t, err)
	_, help, _ := command(t, "demo", "break", "--help")
	out, _, _ := command(t, "demo", "repair", "--help")
	help = strings.Join(strings.Fields(help+out), " ")
	e := startDemo(t)
	code, unknown := e.request(http.MethodPost, "/demo/nonsense/on", "")
	require.Equal(t, http.StatusNotFound, code)
	for _, s := range demo.Switches() {
		require.Contains(t, string(page), "| `"+s.Name+"` | ", "the page of the demo")
		require.Contains(t, unknown, s.Name, "the error of an unknown name")
		require.Contains(t, help, s.Name, "the help")
	}
}
