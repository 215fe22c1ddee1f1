// Package tlsprobe is the probe kind `tls`: a handshake, and everything about
// the certificates a server shows in it: chain, names, dates of each, issuer,
// pinned keys, and the version of the protocol.
//
// It owns the judgment of chains. Connections belong to probes/internal/dial,
// STARTTLS to probes/internal/starttls.
package tlsprobe

import (
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

// The steps after the connection was made.
const (
	stepCertificates = "certificates" // judging the chain
	stepOlder        = "older"        // the attempt to agree on a version that is too old
)

// Kind returns the kind `tls`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "tls",
		Summary: "Shakes hands and checks chain, names, dates of each certificate, issuer, pins and protocol version.",
		Steps:   []string{dial.StepDNS, dial.StepConnect, dial.StepProxy, starttls.Step, dial.StepTLS, stepCertificates, stepOlder},
		NewOptions: func() probes.Options {
			return &Options{Common: dial.Common{IPVersion: dial.Any}, WarnDays: 21, FailDays: 7, MinVersion: "1.2"}
		},
	}
}
