// Package dnsprobe is the probe kind `dns`: one question to each of several DNS
// servers, and what is expected of their answers.
//
// It owns question and judgment. Messages are miekg/dns's, connections
// probes/internal/dial's.
package dnsprobe

import (
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

const (
	stepQuery  = "query"
	stepAnswer = "answer" // judging the answers, of each server and among each other
)

func steps() []string {
	return []string{dial.StepDNS, dial.StepConnect, dial.StepTLS, stepQuery, stepAnswer}
}

// Kind returns the kind `dns`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "dns",
		Summary: "Asks DNS servers one question by UDP, TCP or TLS and checks code, records, serials and DNSSEC.",
		Steps:   steps(),
		NewOptions: func() probes.Options {
			return &Options{
				Common: dial.Common{IPVersion: dial.Any}, Type: "A", Transport: UDP, Rcode: "NOERROR", Match: All, Recursion: true,
			}
		},
	}
}
