package execbridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	osexec "os/exec"
	"slices"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	// maxOutput is how much of what a command says is kept, in bytes; shown is
	// how much of it an error repeats.
	maxOutput = 16 << 10
	shown     = 300
	// lingering is how long output is waited for after the command's end, which
	// what it left running may hold open.
	lingering = time.Second
)

type runner struct {
	options   Options
	setting   bridges.Setting
	arguments [][]part
}

func severity(e bridges.Event) probes.Severity {
	if e.Kind == bridges.Clear {
		return bridges.Cleared
	}
	return e.Alarm.Severity
}

func console(e bridges.Event) bridges.Console { return bridges.ConsoleOf(severity(e)) }

// Deliver implements bridges.Deliverer: exit status 0 is a delivery.
func (r *runner) Deliver(ctx context.Context, e bridges.Event) error {
	env, redact, err := r.options.environment()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, r.options.Timeout)
	defer cancel()
	arguments := make([]string, len(r.arguments))
	for i, parts := range r.arguments {
		arguments[i] = r.argument(parts, e)
	}
	cmd := osexec.CommandContext(ctx, r.options.Command[0], arguments...) //nolint:gosec // the operator names the command
	cmd.Env, cmd.Dir, cmd.WaitDelay = env, r.options.Directory, lingering
	if cmd.Dir == "" {
		cmd.Dir = rootDirectory
	}
	if r.options.Stdin {
		body, err := json.Marshal(r.document(e))
		if err != nil {
			return bridges.Permanent(err)
		}
		cmd.Stdin = bytes.NewReader(append(body, '\n'))
	}
	said := &output{}
	cmd.Stdout, cmd.Stderr = said, said
	ownGroup(cmd)
	err = cmd.Run()
	if err != nil {
		killGroup(cmd) // whatever is left of it
	}
	return r.judge(ctx, err, bridges.Line(redact.String(string(said.b)), shown))
}

func (r *runner) judge(ctx context.Context, err error, said string) error {
	if said != "" {
		said = ": " + said
	}
	var exit *osexec.ExitError
	switch {
	case err == nil, errors.Is(err, osexec.ErrWaitDelay) && ctx.Err() == nil: // status 0
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("the command took longer than %s and was killed%s", r.options.Timeout, said)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit):
		failed := fmt.Errorf("the command ended with %s%s", exit.ProcessState, said)
		if slices.Contains(r.options.Refused, exit.ExitCode()) {
			return bridges.Permanent(failed)
		}
		return failed
	}
	return fmt.Errorf("the command cannot be run: %w", err)
}

// Close implements bridges.Deliverer.
func (*runner) Close() error { return nil }

// output keeps the beginning of what a command says.
type output struct{ b []byte }

func (o *output) Write(b []byte) (int, error) {
	o.b = append(o.b, b[:min(len(b), maxOutput-len(o.b))]...)
	return len(b), nil
}

// document is the event as the command reads it.
type document struct {
	Kind     bridges.EventKind `json:"kind"`
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Severity probes.Severity   `json:"severity"`
	Target   string            `json:"target"`
	Text     string            `json:"text"`
	Probe    string            `json:"probe,omitempty"`
	Node     string            `json:"node,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Runbook  string            `json:"runbook,omitempty"`
	Raised   string            `json:"raised,omitempty"`
	Changed  string            `json:"changed,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Sequence uint64            `json:"sequence"`
	Time     string            `json:"time"`
	Test     bool              `json:"test,omitempty"`
	Exporter string            `json:"exporter"`
	Site     string            `json:"site,omitempty"`
}

func (r *runner) document(e bridges.Event) document {
	a := e.Alarm
	return document{e.Kind, a.ID, a.Name, severity(e), a.Target, a.Text, a.Probe, a.Node, a.Reason, a.Runbook, stamp(a.Raised), stamp(a.Changed),
		a.Labels, e.Sequence, stamp(e.Time), e.Test, r.setting.Exporter, r.setting.Site}
}
