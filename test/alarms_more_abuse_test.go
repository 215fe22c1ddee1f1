package test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// aLabel is one of many that an alert has, ten bytes long.
const aLabel = `"labl":"",`

func manyLabels(n int) string {
	return `{"version":"4","alerts":[{"status":"firing","labels":{` + strings.Repeat(aLabel, n) + `"alertname":"Many"}}]}`
}

// manyNames is manyLabels with labels that all differ.
func manyNames(n int) string {
	var b strings.Builder
	b.WriteString(`{"version":"4","alerts":[{"status":"firing","labels":{`)
	for i := range n {
		b.WriteString(`"` + strconv.FormatInt(int64(i), 36) + `":"",`)
	}
	b.WriteString(`"alertname":"Many"}}]}`)
	return b.String()
}

// TestAbusiveWebhooksAreRefusedInBoundedMemory sends what no Alertmanager does
// to an exporter with the usual limits, and to one with the largest allowed.
func TestAbusiveWebhooksAreRefusedInBoundedMemory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config string
		growth int64 // of memory, in bytes
	}{
		"usual limits":   {"alarms: {heartbeat: 0s}\n", 32 << 20},
		"largest limits": {"alarms: {heartbeat: 0s, webhook_max_bytes: 16777216}\n", 96 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			abuse(t, c.config, c.growth)
		})
	}
}

func abuse(t *testing.T, config string, growth int64) {
	console := newHookConsole(t)
	e := serve(t, farProbe+config+"bridges:\n"+console.config("hook"))
	e.alerts(alertOf("before", true))
	console.waitTold(t, "before", "raise")
	e.get("/metrics") // has been made once
	resetPeak(t, e.process)
	before := e.rss()
	huge := strings.Repeat("x", 50<<20)
	for _, abuse := range []struct {
		name    string
		body    string
		chunked bool
		want    []int
	}{
		{"50 MB that say so", huge, false, []int{http.StatusRequestEntityTooLarge}},
		{"50 MB in chunks", huge, true, []int{http.StatusRequestEntityTooLarge}},
		{"50 MB of an alert", `{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"` + huge + `"}}]}`, false, []int{http.StatusRequestEntityTooLarge}},
		{"a million labels", manyLabels(1_000_000), false, []int{http.StatusRequestEntityTooLarge, http.StatusBadRequest}},
		{"a million labels that differ", manyNames(1_000_000), true, []int{http.StatusRequestEntityTooLarge, http.StatusBadRequest}},
		{"as many labels as fit 4 MB", manyNames(400_000), false, []int{http.StatusRequestEntityTooLarge, http.StatusBadRequest}},
		{"invalid UTF-8", webhookOf(alertOf("bad\xff\xfe", true)), false, []int{http.StatusBadRequest}},
		{"4 MB of invalid UTF-8", webhookOf(alertOf(strings.Repeat("\xc3\x28", 1900<<10), true)), false, []int{http.StatusBadRequest}},
		{"brackets in brackets", strings.Repeat("[", 3<<20), false, []int{http.StatusBadRequest}},
		{"objects in objects", `{"version":"4","alerts":[` + strings.Repeat(`{"a":`, 600<<10), false, []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge}},
	} {
		begin := time.Now()
		code, answer := e.postRaw(abuse.body, abuse.chunked)
		require.Contains(t, abuse.want, code, "%s: %s", abuse.name, answer)
		require.Less(t, time.Since(begin), 5*time.Second, abuse.name) // a second on a machine that is left alone
	}
	grown := peak(t, e.process) - before
	t.Logf("memory grew by %.1f MB at the most", float64(grown)/(1<<20))
	require.LessOrEqual(t, grown, growth+slackOfMemory)

	e.alerts(alertOf("after", true), alertOf("before", false))
	console.waitTold(t, "after", "raise")
	console.waitTold(t, "before", "raise clear")
	_, body := e.get("/api/v1/alarms?state=active")
	require.Contains(t, body, `"total": 1,`)
}

// slackOfMemory is what a process takes at times that nobody asked it for.
const slackOfMemory = 16 << 20

// postRaw sends a body to the route of Alertmanager, and reads the answer
// whether or not all of the body was taken.
func (e *exporter) postRaw(body string, chunked bool) (code int, answer string) {
	e.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.url, "http://"))
	require.NoError(e.t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(e.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		head := bearer("POST /bridge/alertmanager") + "Content-Type: application/json\r\n"
		if chunked {
			head += "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", len(body))
			body += "\r\n0\r\n\r\n"
		} else {
			head += fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body))
		}
		if _, err := io.WriteString(conn, head); err == nil {
			_, _ = io.WriteString(conn, body) // what is refused early need not be taken to the end
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(e.t, err)
	text, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	_ = conn.Close()
	<-sent
	return resp.StatusCode, string(text)
}

// resetPeak has the most memory that a process had counted anew.
func resetPeak(t *testing.T, p *process) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0o600); err != nil {
		t.Skipf("the most memory of a process cannot be counted anew here: %v", err)
	}
}

// peak returns the most resident memory since resetPeak, in bytes.
func peak(t *testing.T, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			require.NoError(t, err)
			return kb << 10
		}
	}
	t.Fatal("no VmHWM in /proc/PID/status")
	return 0
}
