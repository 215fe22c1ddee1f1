package incident

import (
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// The story, in minutes of the incident.
const (
	directorySlow = 12 // a directory server grows slower and slower,
	directoryDown = 18 // hangs,
	directoryGone = 21 // and refuses connections,
	directoryBack = 35 // until it is started again.
	consoleAway   = 20 // Meanwhile a console cannot be told anything
	consoleBack   = 37
	drainFrom     = 25 // Somebody suspects node n2
	drainTo       = 50
	windowFrom    = 30 // The certificate is renewed, in a window for its probe:
	wrongChain    = 32 // at first without its chain,
	rightChain    = 34
	windowTo      = 40
	oldRules      = 40 // Node n3 is restarted and comes up with an old configuration,
	newRules      = 48 // without the rule and with one key too few.
)

// wobble is a number from -1 to 1 that depends on the time and what it is for
// alone, so that the hour is always the same.
func wobble(what string) float64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, what, time.Now().Unix())
	x := h.Sum64() // the low bits of similar texts are similar
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11)/float64(1<<52) - 1
}

// lasting is a duration in milliseconds, give or take a sixth.
func lasting(ms float64, what string) time.Duration {
	return time.Duration(ms * (1 + wobble(what)/6) * float64(time.Millisecond))
}

// step takes a step of about so many milliseconds that ends with err.
func step(r *probes.Run, at place, name string, ms float64, err error) error {
	return r.Step(name, func() error {
		time.Sleep(lasting(ms, at.probe+at.node+name))
		return err
	})
}

// steps takes steps that succeed.
func steps(r *probes.Run, at place, all ...any) {
	for i := 0; i < len(all); i += 2 {
		_ = step(r, at, all[i].(string), all[i+1].(float64), nil) // err is nil
	}
}

// bind is how long the directory takes to check a password, in milliseconds, and
// what comes of it.
func bind() (float64, error) {
	switch {
	case between(directorySlow, directoryDown):
		slow := (minutes() - directorySlow) / (directoryDown - directorySlow)
		return 200 + 3600*math.Pow(slow, 1.5), nil
	case between(directoryDown, directoryGone):
		return 7000, probes.Failf(probes.ReasonTimeout, "the directory does not answer")
	case between(directoryGone, directoryBack):
		return 2, probes.Failf(probes.ReasonConnect, "connection refused")
	}
	return 12, nil
}

func login(r *probes.Run, at place) error {
	offset := clock(at.node)
	keys, ids := keySet(at.node)
	*r.Facts() = probes.Facts{
		CertificateNotAfter: At(0).AddDate(0, 0, 212), ClockOffset: &offset, JWKSKeys: &keys, KeyIDs: ids,
		TokenLifetimes: map[string]time.Duration{"id_token": time.Hour, "access_token": 24 * time.Hour},
	}
	slower := map[string]float64{"": 1.15, "n1": 1, "n2": 1.05, "n3": 1.3}[at.node]
	steps(r, at, "discovery", 35*slower, "jwks", 20*slower, "authorize", 60*slower, "login_page", 45*slower)
	took, err := bind()
	if err != nil {
		text := probes.Failf(probes.ReasonHTTPStatus, "the login page answered 502")
		if between(directoryDown, directoryGone) {
			text = probes.Failf(probes.ReasonTimeout, "the login page does not answer")
		}
		return step(r, at, "credentials", 80+took, text)
	}
	steps(r, at, "credentials", 90*slower+took, "callback", 15*slower, "token", 70*slower, "verify", 2.0, "userinfo", 40*slower)
	return nil
}

func rule(r *probes.Run, at place) error {
	if err := login(r, at); err != nil {
		return err
	}
	ran := at.node != "n3" || !between(oldRules, newRules)
	r.Assert("CRM id is stamped", ran, "")
	r.Assert("audience is ours", true, "")
	return r.Step("expectations", func() error {
		if !ran {
			return probes.Failf(probes.ReasonClaimMismatch, "CRM id is stamped: the claim is missing")
		}
		return nil
	})
}

// clock is how far a node's clock is ahead.
func clock(node string) time.Duration {
	return lasting(map[string]float64{"": 20, "n1": 18, "n2": 24, "n3": 33}[node], node+"clock")/3 + 12*time.Millisecond
}

// keySet is what a node answers for its keys.
func keySet(node string) (int, []string) {
	if node == "n3" && between(oldRules, newRules) {
		return 1, []string{"autumn"}
	}
	return 2, []string{"autumn", "winter"}
}

func metadata(r *probes.Run, at place) error {
	offset := clock(at.node)
	keys, ids := keySet(at.node)
	*r.Facts() = probes.Facts{ClockOffset: &offset, JWKSKeys: &keys, KeyIDs: ids, DiscoveryDigest: "the same", CertificateNotAfter: At(0).AddDate(0, 0, 212)}
	steps(r, at, "dns", 2.0, "discovery", 35.0, "jwks", 20.0, "expectations", 1.0)
	return nil
}

func ldap(r *probes.Run, at place) error {
	r.Facts().CertificateNotAfter = At(0).AddDate(0, 0, 83)
	took, err := bind()
	steps(r, at, "dns", 2.0)
	if between(directoryGone, directoryBack) {
		return step(r, at, "connect", took, err)
	}
	steps(r, at, "connect", 1.0, "tls", 6.0)
	if err := step(r, at, "bind", took, err); err != nil {
		return err
	}
	steps(r, at, "search", took)
	return nil
}

func certificate(r *probes.Run, at place) error {
	days, err := 5, error(&probes.Failure{Outcome: probes.Warn, Reason: probes.ReasonCertificateExpiring, Err: fmt.Errorf("the certificate ends in 5 days")})
	if minutes() >= wrongChain {
		days, err = 90, nil
	}
	if between(wrongChain, rightChain) {
		err = probes.Failf(probes.ReasonCertificateUntrusted, "no chain to a trusted authority")
	}
	r.Facts().CertificateNotAfter = At(0).AddDate(0, 0, days)
	steps(r, at, "dns", 2.0, "connect", 1.0, "tls", 8.0)
	return step(r, at, "certificates", 1, err)
}

func dns(r *probes.Run, at place) error {
	steps(r, at, "query", 4.0, "answer", 0.1)
	return nil
}

func portal(r *probes.Run, at place) error {
	r.Facts().CertificateNotAfter = At(0).AddDate(0, 0, 21)
	steps(r, at, "dns", 2.0, "connect", 1.0, "tls", 8.0, "request", 90.0, "response", 12.0)
	return nil
}

func ntp(r *probes.Run, at place) error {
	offset := lasting(4, at.probe)
	r.Facts().ClockOffset = &offset
	steps(r, at, "query", 3.0)
	return nil
}

func machine(r *probes.Run, at place) error {
	steps(r, at, "cpu", 0.2, "memory", 0.1, "disk", 0.3, "clock", 0.1)
	return nil
}

// appliance: the replica set is not well while a node of it is out.
func appliance(r *probes.Run, at place) error {
	status := map[string]int{}
	for _, resource := range []string{"cpu", "memory", "disk", "services", "network", "internet", "email", "db", "replicaset"} {
		status[resource] = 204
	}
	if between(drainFrom+4, drainTo+2) {
		status["replicaset"] = 520
	}
	r.Facts().ResourceStatus = status
	steps(r, at, "cpu", 9.0, "memory", 8.0, "disk", 9.0, "db", 14.0)
	if status["replicaset"] == 520 {
		return step(r, at, "replicaset", 20, probes.Failf(probes.ReasonReportedDown, "the replica set is not complete"))
	}
	return step(r, at, "replicaset", 20, nil)
}
