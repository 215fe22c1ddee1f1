package tcp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

type probe struct {
	*plan
	dialer *dial.Dialer
}

// New implements probes.Options.
func (o *Options) New(t probes.Target) (probes.Probe, error) {
	pl, c := o.compile(probes.Setting{Provider: t.Provider, Every: t.Every})
	if err := c.Err(t.Probe); err != nil {
		return nil, err
	}
	return &probe{pl, &dial.Dialer{
		Endpoint: dial.At(pl.host, pl.port, t), Version: o.IPVersion, Proxy: pl.proxy, MaxRead: int64(o.MaxRead),
	}}, nil
}

// Run implements probes.Probe.
func (p *probe) Run(ctx context.Context) probes.Result {
	var redactor secret.Redactor
	r := probes.NewRun(redactor.String)
	return dial.Finish(r, p.run(ctx, r, &redactor), p.WarnSlowerThan)
}

func (p *probe) run(ctx context.Context, r *probes.Run, redactor *secret.Redactor) error {
	conn, err := p.dialer.Open(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if p.StartTLS != "" {
		if err := starttls.Ask(ctx, r, conn, p.StartTLS, p.host); err != nil {
			return err
		}
	}
	if p.tls != nil {
		if err := conn.Secure(ctx, r, p.tls); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(p.turns, func(t turn) bool { return t.Expect != "" }) {
		if err := conn.Admitted(ctx, r); err != nil {
			return err
		}
	}
	if len(p.turns) == 0 {
		return nil
	}
	return r.Step(stepDialog, func() error { return dial.Failure(ctx, p.talk(conn, redactor)) })
}

// maxLine bounds the lines that patterns are tried on, in bytes.
const maxLine = 8 << 10

// talk holds the dialog.
func (p *probe) talk(conn io.ReadWriter, redactor *secret.Redactor) error {
	in := bufio.NewReaderSize(conn, maxLine)
	for i, t := range p.turns {
		line := t.Send
		switch {
		case t.Expect != "":
			if err := await(in, i, t); err != nil {
				return err
			}
			continue
		case t.Secret.IsSet():
			var err error
			if line, err = t.Secret.Value(); err != nil {
				return err
			}
			redactor.Add(line)
		}
		if _, err := io.WriteString(conn, line+p.ending()); err != nil {
			return fmt.Errorf("turn %d of the dialog: %w", i+1, err)
		}
	}
	return nil
}

func (o *Options) ending() string {
	switch o.LineEnd {
	case LF:
		return "\n"
	case None:
		return ""
	default:
		return "\r\n"
	}
}

// await reads lines until one is what a turn expects. A last line needs no end.
func await(in *bufio.Reader, i int, t turn) error {
	var h heard
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return probes.Failf(probes.ReasonTooLarge, "turn %d of the dialog: the server sent a line of more than %d bytes", i+1, maxLine)
		}
		whole := err == nil
		line = bytes.TrimRight(line, "\r\n")
		if err != nil && !errors.Is(err, io.EOF) {
			// Where more was sent than is read, the end of what was read is a mere part.
			if large := new(fetch.TooLargeError); len(line) > 0 && !errors.As(err, &large) {
				h.hear(line, whole)
			}
			return fmt.Errorf("turn %d of the dialog: nothing came that matches \"%s\"; %s: %w", i+1, t.expect, &h, err)
		}
		if len(line) > 0 || whole {
			h.hear(line, whole)
			if t.expect.Match(line) {
				return nil
			}
			if t.refuse != nil && t.refuse.Match(line) {
				return probes.Failf(probes.ReasonAnswerMismatch, "turn %d of the dialog: the server sent \"%s\"", i+1, probes.Foreign(string(line), maxShown))
			}
		}
		if err != nil {
			return probes.Failf(probes.ReasonAnswerMismatch, "turn %d of the dialog: the server ended the connection, and nothing came that matches \"%s\"; %s", i+1, t.expect, &h)
		}
	}
}
