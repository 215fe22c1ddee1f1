package tlsprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// older offers versions that the server is to refuse. The offer is made by hand:
// crypto/tls lacks most of what servers of old agree on, and would take the lack
// of a common cipher suite for a refusal of the version.
func (p *probe) older(ctx context.Context, r *probes.Run) error {
	return r.Step(stepOlder, func() error {
		version, err := p.ask(ctx)
		switch {
		case err == nil && version >= p.floor:
			err = fmt.Errorf("it agreed on %s, which was not offered", tls.VersionName(version))
		case err == nil:
			held := fmt.Sprintf("the server agrees on %s, though nothing older than TLS %s is to be accepted", tls.VersionName(version), p.MinVersion)
			r.Assert("refuses older", false, held)
			return probes.Failf(probes.ReasonTLSVersion, "%s", held)
		case p.refused(ctx, version, err):
			r.Assert("refuses older", true, fmt.Sprintf("nothing older than TLS %s: %v", p.MinVersion, err))
			return nil
		}
		return unclear(ctx, err)
	})
}

// ask makes the offer and returns what the server agrees on.
func (p *probe) ask(ctx context.Context) (uint16, error) {
	offer, err := hello(p.floor-1, p.tls.ServerName)
	if err != nil {
		return 0, probes.Failf(probes.ReasonInternal, "%w", err)
	}
	conn, err := p.open(ctx, probes.NewRun(nil)) // its steps are all part of this one
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(offer); err != nil {
		return 0, err
	}
	return answer(conn)
}

// refused tells whether an error is the server's refusal: an alert that says so.
// Some servers send another alert (OpenSSL 3 an internal_error where its security
// level forbids the version) or only hang up; they have refused the offer if they
// take a newer one right after.
func (p *probe) refused(ctx context.Context, version uint16, err error) bool {
	var (
		said   alert
		before *probes.Failure // of connecting
		op     *net.OpError
	)
	switch {
	case errors.As(err, &said) && said.refuses():
		return true
	case errors.As(err, &before) || ctx.Err() != nil:
		return false
	case errors.As(err, &said):
	case version == 0 && (errors.Is(err, io.EOF) || errors.As(err, &op) && op.Op == "read" && !op.Timeout()):
	default:
		return false
	}
	_, err = p.shake(ctx, probes.NewRun(nil), p.offer(clientSuites()))
	return err == nil
}

// unclear is the failure of an offer of which it is not known whether the server
// would take it up.
func unclear(ctx context.Context, err error) error {
	var (
		said alert
		f    *probes.Failure
	)
	reason := probes.ReasonBadResponse
	switch {
	case errors.As(err, &said):
		reason = probes.ReasonTLS
	case !errors.Is(err, errNotTLS) && errors.As(dial.Failure(ctx, err), &f):
		reason = f.Reason
	}
	return probes.Unknownf(reason, "whether the server refuses older protocols is not known: %w", err)
}
