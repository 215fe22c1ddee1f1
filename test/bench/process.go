package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// counterpart serves in a process of its own, so that its processor time does
// not count, and prints its address.
func counterpart(ctx context.Context, what string) error {
	switch what {
	case "provider":
		running, err := demo.Start(ctx, demo.StartOptions{})
		if err != nil {
			return err
		}
		fmt.Println(running.Issuer)
		<-ctx.Done()
		return running.Close()
	case "gauges":
		return serveGauges(ctx)
	case "targets":
		return serveTargets(ctx)
	case "console":
		return console(ctx)
	case "page":
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		// The exporter's own settings: what is compared is the handler.
		server := &http.Server{
			ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
			MaxHeaderBytes: 16 << 10,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				_, _ = w.Write([]byte("OK"))
			}),
		}
		fmt.Println("http://" + l.Addr().String())
		go func() {
			<-ctx.Done()
			_ = server.Close()
		}()
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
	return fmt.Errorf("no counterpart %q", what)
}

// process is a child that runs until stop.
type process struct {
	cmd  *exec.Cmd
	line string
}

// start runs a command and waits for its first line that begins with prefix.
func start(ctx context.Context, prefix, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w; run `make build` first", name, err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), prefix) {
			go func() { // drains until the child closes its end
				for lines.Scan() {
				}
			}()
			return &process{cmd, lines.Text()}, nil
		}
	}
	return nil, fmt.Errorf("%s ended before it was ready: %w", name, cmd.Wait())
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

func self(ctx context.Context, what string) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, "http", exe, "-serve", what)
}
