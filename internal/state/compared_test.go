package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
)

// What fewer than two nodes told was not compared.
func TestCompared(t *testing.T) {
	t.Parallel()
	end, offset, n := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC), time.Duration(0), 1
	is := func(what ...string) map[Comparison]bool {
		all := map[Comparison]bool{}
		for _, w := range what {
			all[Comparison{"acme", w}] = true
		}
		return all
	}
	none := func(*probes.Result) {}
	everything := withFacts(probes.Facts{CertificateNotAfter: end, ClockOffset: &offset, JWKSKeys: &n, KeyIDs: []string{"a"}, DiscoveryDigest: "d"})
	outside := withFacts(probes.Facts{CertificateNotAfter: end, ClockOffset: &offset}) // as a probe by plain HTTP finds

	b := trio(t, Options{}, everything, none, none)
	require.Empty(t, b.Compared(), "one node has nobody to differ from")
	b.record(at("n2"), probes.Pass, outside)
	require.Equal(t, is(DisagreeCertificate, DisagreeClock), b.Compared())
	b.record(at("n3"), probes.Pass, everything)
	require.Equal(t, is(DisagreementKinds()...), b.Compared())
	b.record(at("n3"), probes.Unknown)
	require.Equal(t, is(DisagreementKinds()...), b.Compared(), "an inconclusive run takes nothing back")
	b.record(at("n3"), probes.Fail)
	require.Equal(t, is(DisagreeCertificate, DisagreeClock), b.Compared())
	b.Forget(at("n2"))
	require.Empty(t, b.Compared())

	c := &calendar{}
	b = trio(t, Options{Suppressor: c}, keys("a"), keys("b"))
	require.Equal(t, is(DisagreeJWKS), b.Compared())
	c.set(b, b.during(span{cause: SuppressedDrained, node: "n2"}, 0, time.Second))
	require.Empty(t, b.Compared(), "a drained node is not compared")
	b.wait(time.Second)
	require.Equal(t, is(DisagreeJWKS), b.Compared())

	// Two probes that tell it of one node each were not compared with each other, nor is the public name a node.
	b = newBench(t, Options{}, needing(at("n1", "login")), needing(at("n2", "other")), needing(public))
	b.record(at("n1", "login"), probes.Pass, keys("a"))
	b.record(at("n2", "other"), probes.Pass, keys("a"))
	b.record(public, probes.Pass, keys("a"))
	require.Empty(t, b.Compared())
}
