package tlsprobe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/dial"
)

// maxChain is how many certificates of a chain are looked at.
const maxChain = 10

// verdict collects what is wrong, worst first.
type verdict struct {
	r          *probes.Run
	fail, warn error
}

func (v *verdict) assert(name string, f *probes.Failure, right string) {
	if f == nil {
		v.r.Assert(name, true, right)
		return
	}
	v.r.Assert(name, f.Outcome == probes.Warn, f.Error())
	switch {
	case f.Outcome == probes.Warn && v.warn == nil:
		v.warn = f
	case f.Outcome != probes.Warn && v.fail == nil:
		v.fail = f
	}
}

// judge looks at everything, so that the assertions tell of all that is wrong;
// the first of what fails is the reason.
func (p *probe) judge(r *probes.Run, state *tls.ConnectionState) error {
	chain, now := state.PeerCertificates, time.Now()
	v := &verdict{r: r}
	if len(chain) == 0 {
		return probes.Failf(probes.ReasonBadResponse, "the server showed no certificate")
	}
	facts := r.Facts()
	for _, c := range chain[:min(len(chain), maxChain)] {
		facts.Certificates = append(facts.Certificates, dial.Describe(c))
	}
	if len(chain) > maxChain {
		facts.CertificateNotAfter = fetch.ChainEnd(chain, nil, now)
		return probes.Failf(probes.ReasonTooLarge, "the server sent %d certificates; at most %d are looked at", len(chain), maxChain)
	}
	chains, untrusted := p.verify(chain, now)
	lasting := fetch.Lasting(chain, chains, now)
	facts.CertificateNotAfter = fetch.ChainEnd(chain, lasting, now)
	p.judgeDates(v, chain, needed(chain, lasting), now)
	if !p.tls.InsecureSkipVerify {
		v.assert("chain", untrusted, fmt.Sprintf("%d certificates, trusted", len(chain)))
	}
	p.judgeNames(v, chain[0])
	p.judgeOrigin(v, chain, chains)
	var old *probes.Failure
	if state.Version < p.floor {
		old = probes.Failf(probes.ReasonTLSVersion, "the server agreed on %s, which is older than %s", tls.VersionName(state.Version), p.MinVersion)
	}
	v.assert("version", old, tls.VersionName(state.Version)+", "+tls.CipherSuiteName(state.CipherSuite))
	if v.fail != nil {
		return v.fail
	}
	return v.warn
}

// verify looks for chains to trusted authorities. It does so as of a moment at
// which the server's certificate is valid: dates are judged apart.
func (p *probe) verify(chain []*x509.Certificate, now time.Time) ([][]*x509.Certificate, *probes.Failure) {
	o := x509.VerifyOptions{Roots: p.tls.RootCAs, Intermediates: x509.NewCertPool(), CurrentTime: fetch.WhileValid(chain[0], now)}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	chains, err := chain[0].Verify(o)
	if err == nil {
		return chains, nil
	}
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		return nil, probes.Failf(probes.ReasonCertificateExpired, "the chain is not valid: %v", err)
	}
	why := ""
	var unknown x509.UnknownAuthorityError
	switch issuer := chain[len(chain)-1]; {
	case !errors.As(err, &unknown): // the authorities are known, and something else is wrong
	case len(chain) == 1 && string(chain[0].RawSubject) == string(chain[0].RawIssuer):
		why = "; it is self-signed"
	// Where an issuer was there and did not do, the error says more than this.
	case unknown.Error() == x509.UnknownAuthorityError{}.Error() && string(issuer.RawSubject) != string(issuer.RawIssuer):
		why = "; does the server send every intermediate certificate?"
	}
	return nil, probes.Failf(probes.ReasonCertificateUntrusted, "no chain to a trusted authority: %v%s", err, why)
}

// needed tells of each certificate sent whether one of the chains rests on it.
// Without any chain all of them may be needed.
func needed(sent []*x509.Certificate, chains [][]*x509.Certificate) []bool {
	is := make([]bool, len(sent))
	for i, c := range sent {
		is[i] = i == 0 || len(chains) == 0
		for _, chain := range chains {
			for _, used := range chain {
				is[i] = is[i] || c.Equal(used)
			}
		}
	}
	return is
}

// judgeDates judges each certificate by its dates. One without which the chain
// lasts as long warns at most: servers keep sending old cross-signatures for old
// clients.
func (p *probe) judgeDates(v *verdict, chain []*x509.Certificate, needed []bool, now time.Time) {
	for i, c := range chain {
		name := "dates of the server's certificate"
		if i > 0 {
			name = fmt.Sprintf("dates of certificate %d", i+1)
		}
		until := fmt.Sprintf("certificate %d of the chain (%.100s) ends on %s, %s", i+1, dial.Describe(c).Subject, c.NotAfter.UTC().Format(time.DateOnly), dial.Days(now, c.NotAfter))
		var f *probes.Failure
		switch {
		case now.Before(c.NotBefore):
			f = probes.Failf(probes.ReasonCertificateExpired, "certificate %d of the chain is not valid before %s; are the clocks right?", i+1, c.NotBefore.UTC().Format(time.RFC3339))
		case now.After(c.NotAfter):
			f = probes.Failf(probes.ReasonCertificateExpired, "%s", strings.Replace(until, "ends", "ended", 1))
		case now.AddDate(0, 0, p.FailDays).After(c.NotAfter):
			f = probes.Failf(probes.ReasonCertificateExpiring, "%s; fewer than %d days", until, p.FailDays)
		case now.AddDate(0, 0, p.WarnDays).After(c.NotAfter):
			f = &probes.Failure{Outcome: probes.Warn, Reason: probes.ReasonCertificateExpiring, Err: fmt.Errorf("%s; fewer than %d days", until, p.WarnDays)}
		}
		if f != nil && !needed[i] {
			f.Outcome = probes.Warn
			f.Err = fmt.Errorf("%w; the chain lasts without it", f.Err)
		}
		v.assert(name, f, until)
	}
}

func (p *probe) judgeNames(v *verdict, leaf *x509.Certificate) {
	var names []string
	if !p.tls.InsecureSkipVerify {
		names = append(names, p.tls.ServerName)
	}
	names = append(names, p.Names...)
	for i, name := range names {
		var f *probes.Failure
		if err := leaf.VerifyHostname(fetch.ASCII(name)); err != nil {
			f = probes.Failf(probes.ReasonCertificateName, "%.500v", err)
		}
		what := "name"
		if i > 0 {
			what = "name " + name
		}
		v.assert(what, f, name)
	}
}

// judgeOrigin checks the issuer and the pins.
func (p *probe) judgeOrigin(v *verdict, sent []*x509.Certificate, chains [][]*x509.Certificate) {
	if p.issuer != nil {
		var f *probes.Failure
		issuer := dial.Describe(sent[0]).Issuer
		if !p.issuer.MatchString(issuer) {
			f = probes.Failf(probes.ReasonCertificateMismatch, "the certificate was issued by %q, which does not match %s", issuer, p.issuer)
		}
		v.assert("issuer", f, issuer)
	}
	if len(p.pins) == 0 {
		return
	}
	var f *probes.Failure
	// A certificate that was merely sent along proves nothing.
	if !p.pinned(sent[:1]) && !p.pinnedAny(chains) {
		f = probes.Failf(probes.ReasonCertificateMismatch, "no certificate of the chain has a pinned key; the server's has %s", dial.SPKI(sent[0]))
	}
	v.assert("pin", f, "a pinned key")
}

func (p *probe) pinned(certificates []*x509.Certificate) bool {
	for _, c := range certificates {
		if p.pins[dial.SPKI(c)] {
			return true
		}
	}
	return false
}

func (p *probe) pinnedAny(chains [][]*x509.Certificate) bool {
	for _, chain := range chains {
		if p.pinned(chain) {
			return true
		}
	}
	return false
}
