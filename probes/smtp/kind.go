// Package smtpprobe is the probe kind `smtp`: a conversation with a mail server
// as far as it is asked to go. Unless told to, it leaves no message behind.
//
// It owns the conversation (RFC 5321). Connections belong to probes/internal/dial.
package smtpprobe

import (
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// The steps after the connection was made.
const (
	stepBanner   = "banner"
	stepEHLO     = "ehlo"
	stepStartTLS = "starttls"
	stepAuth     = "auth"
	stepMail     = "mail"
	stepRcpt     = "rcpt"
	stepData     = "data"
	stepQuit     = "quit" // RSET and QUIT
)

// Kind returns the kind `smtp`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "smtp",
		Summary: "Talks to a mail server: banner, EHLO, STARTTLS, AUTH, MAIL and RCPT; queues nothing unless told to.",
		Steps: []string{
			dial.StepDNS, dial.StepConnect, stepBanner, stepEHLO, stepStartTLS, dial.StepTLS, stepAuth, stepMail, stepRcpt, stepData, stepQuit,
		},
		NewOptions: func() probes.Options {
			return &Options{Common: dial.Common{IPVersion: dial.Any}, StartTLS: Offered, EHLO: "idp-exporter.invalid"}
		},
	}
}
