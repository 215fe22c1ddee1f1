package dial

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
)

// TLSSettings returns a probe's own settings if it has any, and otherwise, for
// the provider's host, those of the provider.
func TLSSettings(own fetch.TLS, p *probes.Provider, host string) fetch.TLS {
	if own != (fetch.TLS{}) || !IsProviders(host, p) {
		return own
	}
	return p.Dial.TLS
}

// Config builds the client side of TLS for a host. It reads the files named.
func Config(t fetch.TLS, host string) (*tls.Config, error) {
	c, err := t.Config()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if c.ServerName == "" {
		c.ServerName = strings.TrimSuffix(fetch.ASCII(host), ".")
	}
	return c, nil
}

// Secure does the step tls: it puts TLS on the connection. The dates of the
// chain become facts even when the chain is refused.
func (c *Conn) Secure(ctx context.Context, r *probes.Run, conf *tls.Config) error {
	return r.Step(StepTLS, func() error {
		conf = conf.Clone()
		next := conf.VerifyConnection
		conf.VerifyConnection = func(s tls.ConnectionState) error {
			NoteChain(r, s.PeerCertificates, s.VerifiedChains)
			if next != nil {
				return next(s)
			}
			return nil
		}
		ours := conf.GetClientCertificate
		conf.GetClientCertificate = func(i *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c.asked.Store(true)
			if ours == nil {
				return &tls.Certificate{}, nil // we have none
			}
			return ours(i)
		}
		secured, accept := c.client(conf)
		begin := time.Now()
		err := secured.HandshakeContext(ctx)
		c.shook = time.Since(begin)
		if err == nil {
			accept()
			return nil
		}
		var refused *tls.CertificateVerificationError
		if errors.As(err, &refused) {
			NoteChain(r, refused.UnverifiedCertificates, nil)
		} else if c.asked.Load() && ours == nil {
			err = fmt.Errorf("%w; the server asked for a client certificate", err)
		}
		return HandshakeFailure(ctx, err)
	})
}

// The bounds of how long a server's verdict on our certificate is waited for.
const (
	minVerdict = 500 * time.Millisecond
	maxVerdict = 2 * time.Second
)

// Admitted waits for the verdict of a server that asked for a certificate of
// ours: with TLS 1.3 it comes after the handshake, and only if it is a refusal
// (RFC 8446, 4.4.2.4). It is for connections on which nothing is heard anyway,
// since it reads. A server that asked for none is not waited for.
func (c *Conn) Admitted(ctx context.Context, r *probes.Run) error {
	state := c.TLS()
	if state == nil || state.Version < tls.VersionTLS13 || !c.asked.Load() {
		return nil
	}
	wait := min(max(2*c.shook, minVerdict), maxVerdict)
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	_ = c.raw.SetReadDeadline(time.Now().Add(wait))
	_, err := c.inner().Read(make([]byte, 1))
	switch {
	case err == nil:
		return nil
	case IsTimeout(err) && ctx.Err() == nil:
		r.Unverified("the server asked for a client certificate; it has not refused us within %s", wait.Round(time.Millisecond))
		return nil
	}
	f := HandshakeFailure(ctx, fmt.Errorf("the server asked for a client certificate, and then: %w", err))
	r.AddStep(StepTLS, time.Now(), 0, f)
	return f
}

// HandshakeFailure gives an error of a handshake its reason: tls, unless the
// run's time was used up.
func HandshakeFailure(ctx context.Context, err error) error {
	failure := probes.NetworkFailure(Ended(ctx, err))
	if failure.Reason != probes.ReasonTimeout && failure.Reason != probes.ReasonNotPermitted {
		failure.Reason = probes.ReasonTLS
	}
	failure.Err = fmt.Errorf("TLS handshake: %w", failure.Err)
	return failure
}

// NoteChain records when a server's chain ends, by the certificates it sent and
// the chains that were verified.
func NoteChain(r *probes.Run, sent []*x509.Certificate, verified [][]*x509.Certificate) {
	f := r.Facts()
	if end := fetch.ChainEnd(sent, verified, time.Now()); f.CertificateNotAfter.IsZero() || !end.IsZero() && end.Before(f.CertificateNotAfter) {
		f.CertificateNotAfter = end
	}
}

// Describe returns what is recorded of a certificate.
func Describe(c *x509.Certificate) probes.Certificate {
	return probes.Certificate{
		Subject: printable(c.Subject.String()), Issuer: printable(c.Issuer.String()), Serial: printable(c.SerialNumber.Text(16)),
		NotBefore: c.NotBefore.UTC().Round(0), NotAfter: c.NotAfter.UTC().Round(0), SPKI: SPKI(c),
	}
}

// SPKI returns the SHA-256 digest of a certificate's public key, in base64
// (RFC 7469, 2.4).
func SPKI(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// maxName bounds a name that a server wrote, in bytes.
const maxName = 300

func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "") + "…"
	}
	return s
}

// Days writes how long it is until a time, for people: "in 12 days", "3 days ago".
func Days(now, t time.Time) string {
	days := int(t.Sub(now).Hours() / 24)
	switch {
	case t.Before(now):
		return fmt.Sprintf("%d days ago", -days)
	default:
		return fmt.Sprintf("in %d days", days)
	}
}
