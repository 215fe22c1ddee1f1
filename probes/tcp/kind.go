// Package tcp is the probe kind `tcp`: a connection to a port, optionally with
// TLS from the start or by STARTTLS, and a dialog of lines on it.
//
// It owns the dialog. Connections belong to probes/internal/dial, STARTTLS to
// probes/internal/starttls.
package tcp

import (
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

const stepDialog = "dialog"

// Kind returns the kind `tcp`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "tcp",
		Summary: "Connects to a TCP port, with TLS or STARTTLS if asked to, and holds a dialog of lines.",
		Steps:   []string{dial.StepDNS, dial.StepConnect, dial.StepProxy, starttls.Step, dial.StepTLS, stepDialog},
		NewOptions: func() probes.Options {
			return &Options{Common: dial.Common{IPVersion: dial.Any}, LineEnd: CRLF, MaxRead: 64 << 10}
		},
	}
}
