package fetch

import (
	"crypto/x509"
	"time"
)

// maxLinked is how many certificates chains are looked for among: each may cost
// the check of several signatures.
const maxLinked = 10

// WhileValid returns the moment nearest to now at which a certificate is valid.
func WhileValid(c *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.After(c.NotAfter):
		return c.NotAfter
	case now.Before(c.NotBefore):
		return c.NotBefore
	}
	return now
}

// Linked returns the chains that the certificates a server sent, its own first,
// form among themselves while its own is valid, whomever one trusts.
func Linked(sent []*x509.Certificate, now time.Time) [][]*x509.Certificate {
	if len(sent) == 0 || len(sent) > maxLinked {
		return nil
	}
	if len(sent) == 1 {
		return [][]*x509.Certificate{sent}
	}
	others := x509.NewCertPool()
	for _, c := range sent[1:] {
		others.AddCert(c)
	}
	chains, err := sent[0].Verify(x509.VerifyOptions{
		Roots: others, Intermediates: others, CurrentTime: WhileValid(sent[0], now), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil
	}
	return chains
}

// Lasting returns the chains that last longest, of those that were verified or,
// without any, of those the certificates a server sent form among themselves. A
// certificate that none of them rests on, such as an old cross-signature, can end
// without harm.
func Lasting(sent []*x509.Certificate, verified [][]*x509.Certificate, now time.Time) [][]*x509.Certificate {
	if len(verified) == 0 {
		verified = Linked(sent, now)
	}
	var last time.Time
	var lasting [][]*x509.Certificate
	for _, chain := range verified {
		switch end := earliest(chain); {
		case lasting == nil || end.After(last):
			last, lasting = end, [][]*x509.Certificate{chain}
		case end.Equal(last):
			lasting = append(lasting, chain)
		}
	}
	return lasting
}

// ChainEnd returns when the certificates a server sent are of no more use: the
// end of the chain that lasts longest (Lasting), and where there is no chain at
// all the earliest end of everything sent.
func ChainEnd(sent []*x509.Certificate, verified [][]*x509.Certificate, now time.Time) time.Time {
	if lasting := Lasting(sent, verified, now); len(lasting) > 0 {
		return earliest(lasting[0])
	}
	return earliest(sent)
}

func earliest(chain []*x509.Certificate) time.Time {
	var t time.Time
	for _, c := range chain {
		if t.IsZero() || c.NotAfter.Before(t) {
			t = c.NotAfter
		}
	}
	return t
}
