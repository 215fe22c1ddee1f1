package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// binary returns the built exporter, and skips the test where there is none.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("IDP_EXPORTER_BINARY")
	if path == "" {
		path = "../idp_exporter"
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Skip("no built exporter: run `make build` first, or set IDP_EXPORTER_BINARY")
	}
	return path
}

// soak tells whether the long version of the tests was asked for.
func soak() bool { return os.Getenv("IDP_EXPORTER_SOAK") != "" }

// process is a child process whose output is kept.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan error

	mu  sync.Mutex
	out bytes.Buffer
}

// start runs a command and ends it, by its own process id, with the test.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command(name, args...))
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, done: make(chan error, 1)}
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = write, write
	require.NoError(t, cmd.Start())
	require.NoError(t, write.Close())
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		for lines := bufio.NewReader(read); ; {
			line, err := lines.ReadString('\n')
			p.mu.Lock()
			p.out.WriteString(line)
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		err := cmd.Wait()
		<-copied
		p.done <- err
		close(p.done)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGCONT)
		p.signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			p.signal(syscall.SIGKILL)
			<-p.done
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(cmd.Path), tail(p.output(), 6000))
		}
	})
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// waitFor waits until the output contains a text.
func (p *process) waitFor(text string, within time.Duration) {
	p.t.Helper()
	eventually(p.t, within, func() error {
		if !strings.Contains(p.output(), text) {
			return fmt.Errorf("no %q in the output", text)
		}
		return nil
	})
}

// end sends a signal and returns how long the process took to end, and how.
func (p *process) end(s syscall.Signal) (time.Duration, error) {
	p.t.Helper()
	begin := time.Now()
	p.signal(s)
	select {
	case err := <-p.done:
		return time.Since(begin), err
	case <-time.After(30 * time.Second):
		p.t.Fatalf("still running 30 s after %s", s)
		return 0, nil
	}
}

// rss returns the resident memory of a process, in bytes.
func (p *process) rss() int64 {
	p.t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		p.t.Skip("no /proc here: resident memory cannot be read")
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			require.NoError(p.t, err)
			return kb << 10
		}
	}
	p.t.Fatal("no VmRSS in /proc/PID/status")
	return 0
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// slack is how much longer than expected a condition may take: the machine may
// be slow and busy.
const slack = 4

// eventually calls f until it returns nil.
func eventually(t *testing.T, within time.Duration, f func() error) {
	t.Helper()
	within *= slack
	deadline := time.Now().Add(within)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", within, err)
		}
		time.Sleep(50 * time.Millisecond) // the interval of a poll, not a guess at how long things take
	}
}

// ports are those that freePort has handed out.
var ports sync.Map

// freePort returns a port that was free a moment ago, by TCP and UDP. It is none
// of those that systems give to clients, which could take it meanwhile, and is
// handed out once.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		port := netsnmp.Port(t)
		if _, taken := ports.LoadOrStore(port, true); !taken {
			return port
		}
	}
}

// exporter is a running idp_exporter.
type exporter struct {
	*process
	url   string
	token string
}

const testToken = "a-token-of-the-tests-with-enough-letters"

// accessFor is an access section that lets one token do everything.
func accessFor(token string) string {
	return fmt.Sprintf("\naccess:\n  tokens:\n    - {name: test, hash: %q, scopes: [all]}\n", access.HashToken(token))
}

// serve starts the exporter with a configuration, to which an access section is
// added, and waits until it answers.
func serve(t *testing.T, config string, args ...string) *exporter {
	t.Helper()
	file := writeFile(t, t.TempDir(), "idp_exporter.yml", config+accessFor(testToken))
	return serveFile(t, file, args...)
}

func serveFile(t *testing.T, file string, args ...string) *exporter {
	t.Helper()
	address := "127.0.0.1:" + freePort(t)
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--storage.path=") }) {
		args = append(args, "--storage.path="+t.TempDir())
	}
	p := start(t, binary(t), append([]string{"serve", "--config.file=" + file, "--web.listen-address=" + address}, args...)...)
	e := &exporter{process: p, url: "http://" + address, token: testToken}
	e.waitHealthy()
	return e
}

func (e *exporter) waitHealthy() {
	e.t.Helper()
	eventually(e.t, 10*time.Second, func() error {
		select {
		case err := <-e.done:
			e.t.Fatalf("the exporter ended: %v\n%s", err, e.output())
		default:
		}
		code, _, err := e.try(http.MethodGet, "/-/healthy", nil)
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("/-/healthy: %d", code)
		}
		return err
	})
}

func (e *exporter) try(method, path string, headers map[string]string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, e.url+path, nil)
	if err != nil {
		return 0, "", err
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// get asks with the token.
func (e *exporter) get(path string) (int, string) {
	e.t.Helper()
	return e.request(http.MethodGet, path, "")
}

func (e *exporter) request(method, path, accept string) (int, string) {
	e.t.Helper()
	headers := map[string]string{"Authorization": "Bearer " + e.token}
	if accept != "" {
		headers["Accept"] = accept
	}
	code, body, err := e.try(method, path, headers)
	require.NoError(e.t, err)
	return code, body
}

// result is what /api/v1/results says of one probe on one node.
type result struct {
	Probe   string            `json:"probe"`
	Node    string            `json:"node"`
	Verdict string            `json:"verdict"`
	Last    *probes.Result    `json:"last"`
	Runs    map[string]uint64 `json:"runs"`
	Skipped map[string]uint64 `json:"skipped"`
}

func (e *exporter) results() map[string]result {
	e.t.Helper()
	code, body := e.get("/api/v1/results")
	require.Equal(e.t, http.StatusOK, code, body)
	var answer struct {
		Results []result `json:"results"`
	}
	require.NoError(e.t, json.Unmarshal([]byte(body), &answer), body)
	m := make(map[string]result)
	for _, r := range answer.Results {
		name := r.Probe
		if r.Node != "" {
			name += "@" + r.Node
		}
		m[name] = r
	}
	return m
}

// waitTestall waits until the bare /testall answers so.
func (e *exporter) waitTestall(want string, within time.Duration) {
	e.t.Helper()
	eventually(e.t, within, func() error {
		_, body := e.get("/testall")
		if body != want {
			_, verbose := e.get("/testall?verbose")
			return fmt.Errorf("/testall says %q, want %q:\n%s", body, want, verbose)
		}
		return nil
	})
}

// waitResult waits until a probe's latest result has an outcome, step and reason.
func (e *exporter) waitResult(probe, outcome, step, reason string, within time.Duration) result {
	e.t.Helper()
	var last result
	eventually(e.t, within, func() error {
		last = e.results()[probe]
		if r := last.Last; r == nil || r.Outcome.String() != outcome || r.FailedStep != step || string(r.Reason) != reason {
			return fmt.Errorf("%s: %+v, want %s at %q for %q", probe, r, outcome, step, reason)
		}
		return nil
	})
	return last
}

// waitAllPassSince waits until every probe has passed in a run that began after
// a moment, and with them /testall.
func (e *exporter) waitAllPassSince(begin time.Time, within time.Duration) {
	e.t.Helper()
	eventually(e.t, within, func() error {
		for name, r := range e.results() {
			if r.Last == nil || r.Last.Outcome != probes.Pass || r.Verdict != "pass" || r.Last.Start.Before(begin) {
				return fmt.Errorf("%s has not passed since: %+v", name, r.Last)
			}
		}
		return nil
	})
}

// waitReason waits until some probe's latest result failed for a reason, and
// returns which and where.
func (e *exporter) waitReason(reason string, within time.Duration) (probe, step string) {
	e.t.Helper()
	eventually(e.t, within, func() error {
		for name, r := range e.results() {
			if r.Last != nil && string(r.Last.Reason) == reason {
				probe, step = name, r.Last.FailedStep
				return nil
			}
		}
		return fmt.Errorf("no probe failed for %q", reason)
	})
	return probe, step
}

func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
