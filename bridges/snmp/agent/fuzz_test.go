package agent

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

// packet is what gosnmp sends.
func packet(t testing.TB, version gosnmp.SnmpVersion, kind gosnmp.PDUType, first uint8, second uint32, names ...string) []byte {
	t.Helper()
	p := &gosnmp.SnmpPacket{Version: version, Community: "s3cret", PDUType: kind, RequestID: 77, NonRepeaters: first, MaxRepetitions: second}
	for _, n := range names {
		p.Variables = append(p.Variables, gosnmp.SnmpPDU{Name: n, Type: gosnmp.Null})
	}
	b, err := p.MarshalMsg()
	require.NoError(t, err)
	return b
}

// silent is an agent without a socket.
func silent(t testing.TB, limit int) *Agent {
	t.Helper()
	networks, err := Config{}.networks()
	require.NoError(t, err)
	return &Agent{
		community: secret.New("s3cret"), networks: networks, limit: limit, rate: rate.NewLimiter(rate.Inf, 1),
		cache: mib.NewCache(model(t), netsnmp.Source(netsnmp.Sample), newSystem(model(t)).variables), log: slog.New(slog.DiscardHandler),
	}
}

var loopback = netip.MustParseAddr("127.0.0.1")

// Whatever comes, nothing panics, no answer exceeds the limit, and an answer is
// one that another implementation reads.
func FuzzHandle(f *testing.F) {
	const root = "1.3.6.1.4.1.32473.1"
	for _, version := range []gosnmp.SnmpVersion{gosnmp.Version1, gosnmp.Version2c} {
		for _, kind := range []gosnmp.PDUType{gosnmp.GetRequest, gosnmp.GetNextRequest, gosnmp.SetRequest, gosnmp.GetResponse, gosnmp.InformRequest} {
			f.Add(packet(f, version, kind, 0, 0, root+".1.5.1.0", root, "1.3.6.1.2.1.1.1.0"))
		}
	}
	f.Add(packet(f, gosnmp.Version2c, gosnmp.GetBulkRequest, 1, 20, "1.3.6.1.2.1.1", root))
	f.Add(packet(f, gosnmp.Version2c, gosnmp.GetBulkRequest, 255, 1<<31-1, root))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x30, 0x80})
	a := silent(f, 600)
	f.Fuzz(func(t *testing.T, b []byte) {
		answer := a.handle(context.Background(), b, loopback)
		if answer == nil {
			return
		}
		require.LessOrEqual(t, len(answer), 600)
		r, err := decode(b)
		require.NoError(t, err)
		got, err := (&gosnmp.GoSNMP{Version: gosnmp.Version2c}).SnmpDecodePacket(answer)
		if err != nil && r.version == version1 && (got.Error != gosnmp.NoError) {
			return // sends back what was asked, which need not be good
		}
		if err != nil && r.pdu == pduSet {
			return
		}
		require.NoError(t, err)
		require.Equal(t, gosnmp.GetResponse, got.PDUType)
		require.Equal(t, uint32(r.id), got.RequestID) //nolint:gosec // the same bits
	})
}
