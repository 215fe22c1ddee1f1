package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// patience is how long the exporter may take until all its probes have passed.
const patience = 3 * time.Minute

// exporter is the built one, running.
type exporter struct {
	address, token string
	process        *process
	folder         string
}

// startExporter starts the built exporter with probes of a page, behind a
// token, and waits until they have passed.
func startExporter(ctx context.Context, binary, page string, probes int) (*exporter, error) {
	return startWith(ctx, binary, pages(page, probes, 10*time.Minute))
}

// pages configures probes of a page.
func pages(page string, probes int, every time.Duration) string {
	var text strings.Builder
	text.WriteString("probes:\n")
	for i := range probes {
		fmt.Fprintf(&text, "  - {name: page%05d, kind: http, url: %q, every: %s}\n", i, page, every)
	}
	return text.String()
}

// startWith starts the built exporter with a configuration, behind a token, and
// waits until its probes have passed.
func startWith(ctx context.Context, binary, config string) (*exporter, error) {
	token, entry, err := access.CreateToken("bench", []string{access.All})
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "access:\n  tokens:\n    - {name: bench, hash: %q, scopes: [all]}\n%s", entry.Hash, config)
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	e := &exporter{token: token, folder: folder}
	if err := e.start(ctx, binary, text.String()); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *exporter) start(ctx context.Context, binary, config string) error {
	file := filepath.Join(e.folder, "idp_exporter.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.address = l.Addr().String()
	_ = l.Close()
	e.process, err = start(ctx, "idp_exporter", "sh", "-c", `echo idp_exporter; exec "$@"`, "sh", binary,
		"--config.file="+file, "--web.listen-address="+e.address, "--storage.path="+filepath.Join(e.folder, "data"), "--log.level=warn")
	if err != nil {
		return err
	}
	return e.waitOK(ctx)
}

func (e *exporter) close() {
	if e.process != nil {
		e.process.stop()
	}
	_ = os.RemoveAll(e.folder)
}

// do sends a request with the token and hands the answer to read.
func (e *exporter) do(ctx context.Context, method, path, accept string, read func(*http.Response) error) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+e.address+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+e.token)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return read(resp)
}

func (e *exporter) waitOK(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := e.do(ctx, http.MethodGet, "/testall", "", func(*http.Response) error { return nil })
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("/testall did not become OK within %s", patience), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
