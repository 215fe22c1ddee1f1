package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// blackboxName is Debian's name for blackbox_exporter.
	blackboxName = "prometheus-blackbox-exporter"
	// paced is how many HTTP probes run in an interval on each side.
	paced = 3000
	// scrapers is how many probes blackbox_exporter may be asked for at once.
	scrapers = 32
)

// httpProbeVsBlackbox compares the processor time of the built exporter with
// that of blackbox_exporter. Both probe one page as often, side by side, evenly
// spread, over a fresh connection each time; both are scraped as Prometheus
// does it: ours once an interval, the other for each probe, over kept
// connections.
func httpProbeVsBlackbox(ctx context.Context, o options) ([]float64, error) {
	program, err := findBlackbox()
	if err != nil {
		return nil, err
	}
	page, err := self(ctx, "page")
	if err != nil {
		return nil, err
	}
	defer page.stop()
	e, err := startWith(ctx, o.binary, pages(page.line, paced, interval))
	if err != nil {
		return nil, err
	}
	defer e.close()
	b, err := startBlackbox(ctx, program)
	if err != nil {
		return nil, err
	}
	defer b.close()
	var ratios []float64
	for round := range o.rounds + 1 {
		before, err := cpusOf(e, b)
		if err != nil {
			return nil, err
		}
		if err := b.probe(ctx, page.line); err != nil {
			return nil, err
		}
		if err := e.do(ctx, http.MethodGet, "/metrics", acceptText, discardBody); err != nil {
			return nil, err
		}
		after, err := cpusOf(e, b)
		if err != nil {
			return nil, err
		}
		if round > 0 {
			ratios = append(ratios, (after[0]-before[0])/(after[1]-before[1]))
		}
	}
	return []float64{median(ratios)}, nil
}

func findBlackbox() (string, error) {
	local := filepath.Join(".cache", "debian", "usr", "bin", blackboxName)
	if _, err := os.Stat(local); err == nil {
		return local, nil
	}
	if path, err := exec.LookPath(blackboxName); err == nil {
		return path, nil
	}
	return "", missing(blackboxName + " is neither in .cache/debian nor on the path")
}

// blackbox is blackbox_exporter, running.
type blackbox struct {
	process *process
	folder  string
	address string
	client  *http.Client
}

func startBlackbox(ctx context.Context, program string) (*blackbox, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &blackbox{address: l.Addr().String()}
	_ = l.Close()
	if b.folder, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, err
	}
	b.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: scrapers}, Timeout: interval}
	file := filepath.Join(b.folder, "blackbox.yml")
	if err = os.WriteFile(file, []byte("modules:\n  page: {prober: http, timeout: 5s}\n"), 0o600); err == nil {
		b.process, err = start(ctx, "blackbox", "sh", "-c", `echo blackbox; exec "$@"`, "sh", program,
			"--config.file="+file, "--web.listen-address="+b.address, "--log.level=error")
	}
	if err == nil {
		err = b.wait(ctx)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *blackbox) close() {
	if b.process != nil {
		b.process.stop()
	}
	b.client.CloseIdleConnections()
	_ = os.RemoveAll(b.folder)
}

func (b *blackbox) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if _, err := b.get(ctx, "/-/healthy"); err == nil {
			return nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%s did not answer: %w", blackboxName, err)
		}
	}
}

func (b *blackbox) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.address+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(body), err
}

// probe has the probes of one interval run, evenly spread. All have to succeed.
func (b *blackbox) probe(ctx context.Context, page string) error {
	path := "/probe?" + url.Values{"module": {"page"}, "target": {page}}.Encode()
	due, errs := make(chan struct{}), make(chan error, scrapers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for range scrapers {
		wg.Go(func() {
			for range due {
				text, err := b.get(ctx, path)
				if err == nil && !strings.Contains(text, "\nprobe_success 1\n") {
					err = fmt.Errorf("%s: the probe failed", blackboxName)
				}
				if err != nil {
					errs <- err
					cancel()
					return
				}
			}
		})
	}
	begin := time.Now()
	for i := 0; i < paced && ctx.Err() == nil; i++ {
		if wait(ctx, time.Until(begin.Add(interval*time.Duration(i)/paced))) == nil {
			select {
			case due <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
	close(due)
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
	}
	return wait(ctx, time.Until(begin.Add(interval)))
}

// cpusOf returns the processor time of both so far, in ticks of the clock, as
// the kernel counts it: asking them would cost some.
func cpusOf(e *exporter, b *blackbox) ([2]float64, error) {
	var all [2]float64
	for i, p := range []*process{e.process, b.process} {
		content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			return all, missing("there is no /proc to read processor times from")
		}
		// The name, second and in parentheses, may hold anything (proc(5)).
		fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
		for _, field := range fields[11:13] { // utime and stime
			ticks, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return all, err
			}
			all[i] += ticks
		}
	}
	return all, nil
}
