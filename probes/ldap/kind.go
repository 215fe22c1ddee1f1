// Package ldapprobe is the probe kind `ldap`: bind and search in a directory.
//
// It owns what is asked and expected. Messages are go-ldap's, connections
// probes/internal/dial's, StartTLS probes/internal/starttls's.
package ldapprobe

import (
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
	"github.com/idp-exporter/idp_exporter/probes/internal/starttls"
)

const (
	stepBind   = "bind"
	stepSearch = "search"
)

// Kind returns the kind `ldap`.
func Kind() probes.Kind {
	return probes.Kind{
		Name:    "ldap",
		Summary: "Binds to a directory by LDAP, ldaps or StartTLS and checks what a search finds.",
		Steps:   []string{dial.StepDNS, dial.StepConnect, starttls.Step, dial.StepTLS, stepBind, stepSearch},
		NewOptions: func() probes.Options {
			return &Options{Common: dial.Common{IPVersion: dial.Any}, Filter: "(objectClass=*)", MinEntries: 1}
		},
	}
}
