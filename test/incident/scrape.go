package incident

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// ours are metrics of the process that the tests run in, not of an exporter's.
var ours = []string{"go_", "process_", "promhttp_", "idp_exporter_build_info"}

// scrape has the collector's own writer write the metrics, and adds to each
// sample the labels and the time that Prometheus would have given it.
func (s *site) scrape(ctx context.Context, w *bufio.Writer) error {
	answer := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	s.metrics.Handler().ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		return fmt.Errorf("/metrics answered %d", answer.Code)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	n := 0
	for line := range strings.Lines(string(body) + s.process()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
		sample(w, line)
	}
	sample(w, fmt.Sprintf("scrape_samples_scraped %d", n))
	sample(w, fmt.Sprintf("scrape_duration_seconds %g", lasting(6, "scrape").Seconds()))
	sample(w, "up 1")
	return nil
}

// sample writes one line of the text format with labels and time.
func sample(w *bufio.Writer, line string) {
	for _, name := range ours {
		if strings.HasPrefix(line, name) && !strings.Contains(line, story) {
			return
		}
	}
	line = strings.Replace(strings.TrimSpace(line), story, "", 1)
	end := strings.IndexAny(line, "{ ")
	labels, rest := fmt.Sprintf("instance=%q,job=%q", instance, job), line[end:]
	if rest[0] == '{' {
		labels, rest = labels+",", rest[1:]
	} else {
		labels += "}"
	}
	_, _ = fmt.Fprintf(w, "%s{%s%s %d\n", line[:end], labels, rest, time.Now().Unix()) // Flush tells
}

// story marks samples of an exporter's process that the story tells.
const story = " # story"

// process is what the exporter's process would have told of itself.
func (s *site) process() string {
	up := time.Since(s.start)
	lines := fmt.Sprintf("process_resident_memory_bytes %.0f\n", 41e6+1.5e6*wobble("resident")) +
		fmt.Sprintf("process_cpu_seconds_total %.2f\n", .011*up.Seconds()) +
		`idp_exporter_disk_free_bytes{part="storage_disk"} 18.2e9` + "\n" + `idp_exporter_disk_free_bytes{part="audit_disk"} 6.4e9` + "\n" +
		fmt.Sprintf("go_goroutines %.0f\n", 46+4*wobble("goroutines")) +
		`idp_exporter_build_info{version="1.0.0",revision="0123456",branch="main",goversion="go1.26",goos="linux",goarch="amd64",tags="unknown"} 1` + "\n"
	return strings.ReplaceAll(lines, "\n", story+"\n")
}
