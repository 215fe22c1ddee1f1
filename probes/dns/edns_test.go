package dnsprobe

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

// Stub resolvers ask without EDNS, and get an answer.
func TestServersWithoutEDNS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		rcode  int
		bare   bool // without the question
		always bool // even without EDNS
		change func(*Options)
		want   probes.Reason
		asked  int32
	}{
		{"FORMERR", dns.RcodeFormatError, false, false, nil, "", 2},
		{"FORMERR, bare", dns.RcodeFormatError, true, false, nil, "", 2},
		{"NOTIMP", dns.RcodeNotImplemented, false, false, nil, "", 2},
		{"FORMERR by tcp", dns.RcodeFormatError, false, false, func(o *Options) { o.Transport = TCP }, "", 2},
		{"FORMERR whatever is asked", dns.RcodeFormatError, false, true, nil, probes.ReasonRcode, 2},
		{"FORMERR, as it should be", dns.RcodeFormatError, false, false, func(o *Options) { o.Rcode = "FORMERR" }, "", 1},
		{"DNSSEC needs EDNS", dns.RcodeFormatError, false, false, func(o *Options) { o.Authenticated = true }, probes.ReasonRcode, 1},
		{"REFUSED", dns.RcodeRefused, false, false, nil, probes.ReasonRcode, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			address := serve(t, dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
				asked.Add(1)
				if q.IsEdns0() == nil && !c.always {
					zone{"1"}.ServeDNS(w, q)
					return
				}
				m := new(dns.Msg).SetRcode(q, c.rcode)
				if c.bare {
					m.Question = nil
				}
				_ = w.WriteMsg(m)
			}), nil)
			got := probetest.Run(t, options("www.example.com", c.change, address), probes.Target{}, probetest.Limit)
			require.Equal(t, c.want, got.Reason, got.Detail)
			require.Equal(t, "connect query answer", strings.Join(probetest.StepNames(got), " "))
			require.Equal(t, c.asked, asked.Load())
		})
	}
}
