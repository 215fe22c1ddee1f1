package snmp

import (
	"net"
	"testing"
	"time"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// sink is a receiver that reads as fast as it can.
func sink(b *testing.B) *net.UDPAddr {
	b.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(b, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buffer := make([]byte, 2048); ; {
			if _, err := c.Read(buffer); err != nil {
				return
			}
		}
	}()
	b.Cleanup(func() {
		require.NoError(b, c.Close())
		<-done
	})
	return c.LocalAddr().(*net.UDPAddr)
}

// bareVariables are those of the event that benchmarks send.
func bareVariables(b *testing.B) []gosnmp.SnmpPDU {
	b.Helper()
	m, err := mib.New("")
	require.NoError(b, err)
	p, err := newNotification(m, time.Now(), maxSize).packet(raised("a-1"))
	require.NoError(b, err)
	return p.Variables
}

// BenchmarkBare is the floor: gosnmp, used as its examples show.
func BenchmarkBare(b *testing.B) {
	to := sink(b)
	g := &gosnmp.GoSNMP{Target: to.IP.String(), Port: uint16(to.Port), Version: gosnmp.Version2c, Community: "public", Timeout: time.Second}
	require.NoError(b, g.Connect())
	defer g.Close()
	variables := bareVariables(b)
	for b.Loop() {
		_, err := g.SendTrap(gosnmp.SnmpTrap{Variables: variables})
		require.NoError(b, err)
	}
}

func benchmark(b *testing.B, d Destination) {
	d.Address = sink(b).String()
	all := open(b, b.TempDir(), nil, d)
	deliver(b, all[0], raised("first"))
	e := raised("a-1")
	for b.Loop() {
		require.NoError(b, all[0].Deliverer.Deliver(b.Context(), e))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "traps/s")
}

func BenchmarkV1(b *testing.B)  { benchmark(b, Destination{Version: v1}) }
func BenchmarkV2c(b *testing.B) { benchmark(b, Destination{}) }

func BenchmarkV3(b *testing.B) {
	for _, v := range []V3{credentials(noAuth, "", ""), credentials(authOnly, "SHA256", ""), credentials(authPriv, "SHA256", "AES"), credentials(authPriv, "MD5", "DES"), credentials(authPriv, "SHA512", "AES256C")} {
		b.Run(v.SecurityLevel+v.AuthProtocol+v.PrivProtocol, func(b *testing.B) { benchmark(b, Destination{Version: v3, V3: v}) })
	}
}
