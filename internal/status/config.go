package status

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Config is the status section of the configuration file. Each resource lists
// the probes that it rests on: "probe" on whatever nodes it runs, or "probe@node"
// on one of them. A resource is well while all of them pass.
type Config struct {
	// Host is the name that answers carry in X-Auth0-Host; empty is that of the machine.
	Host string `yaml:"host"`

	// CPU, Memory and Disk are those of the exporter's own machine, by the
	// appliance's thresholds, unless probes are listed.
	CPU    []string `yaml:"cpu"`
	Memory []string `yaml:"memory"`
	Disk   []string `yaml:"disk"`

	Services   []string `yaml:"services"`
	Network    []string `yaml:"network"`
	Internet   []string `yaml:"internet"`
	Email      []string `yaml:"email"`
	DB         []string `yaml:"db"`
	ReplicaSet []string `yaml:"replicaset"`
}

// Probes returns the probes that a resource rests on, as configured.
func (c *Config) Probes(resource string) []string {
	return map[string][]string{
		CPU: c.CPU, Memory: c.Memory, Disk: c.Disk, "services": c.Services, "network": c.Network, "internet": c.Internet,
		"email": c.Email, "db": c.DB, "replicaset": c.ReplicaSet,
	}[resource]
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}$`)

// Check reports what is wrong with the section, given the names of the
// configured probes. Which nodes a probe runs on may not be known yet, since
// nodes are discovered; a node that a probe does not run on makes its resource
// a 520.
func (c *Config) Check(known []string) []probes.Problem {
	var found []probes.Problem
	wrong := func(path, format string, args ...any) {
		found = append(found, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if c.Host != "" && !hostName.MatchString(c.Host) {
		wrong("host", "%.80q is no name for a header; write one such as a0-1", c.Host)
	}
	for _, r := range Resources() {
		list := c.Probes(r)
		for i, ref := range list {
			path := fmt.Sprintf("%s[%d]", r, i)
			name, _ := split(ref, known)
			switch {
			case !slices.Contains(known, name):
				wrong(path, "there is no probe %.80q; there are %s", name, strings.Join(known, ", "))
			case slices.Index(list, ref) < i:
				wrong(path, "%q is listed twice", ref)
			}
		}
	}
	return found
}

// split parts a reference into probe and node. A probe whose own name has an @
// in it is meant by its whole name.
func split(ref string, known []string) (probe, node string) {
	if slices.Contains(known, ref) {
		return ref, ""
	}
	at := strings.LastIndexByte(ref, '@')
	if at < 0 {
		return ref, ""
	}
	return ref[:at], ref[at+1:]
}
