package probes

import (
	"context"
	"errors"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
)

// networkReason maps the part of the way that failed to a reason.
func networkReason(p fetch.Part) Reason {
	switch p {
	case fetch.PartDNS:
		return ReasonDNS
	case fetch.PartConnect:
		return ReasonConnect
	case fetch.PartTLS:
		return ReasonTLS
	case fetch.PartTimeout:
		return ReasonTimeout
	case fetch.PartProxy:
		return ReasonProxy
	case fetch.PartTooLarge:
		return ReasonTooLarge
	case fetch.PartOwn:
		return ReasonNotPermitted
	default:
		return ReasonBadResponse
	}
}

// NetworkFailure turns an error of fetch.Session.Do into a Failure with the
// reason that fits it. A run that was called off, as when the exporter stops,
// says nothing about the server and is unknown; so is what this machine's own
// firewall does not let out.
func NetworkFailure(err error) *Failure {
	f := &Failure{Outcome: Fail, Reason: networkReason(fetch.Classify(err)), Err: err}
	if calledOff(err) || f.Reason == ReasonNotPermitted {
		f.Outcome = Unknown
	}
	return f
}

func calledOff(err error) bool {
	return errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// NoteSeen copies what a session's exchanges showed by the way into the facts.
func (f *Facts) NoteSeen(s fetch.Seen) {
	f.CertificateNotAfter, f.ClockOffset = s.CertificateNotAfter, s.ClockOffset
}
