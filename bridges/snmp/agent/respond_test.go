package agent

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gosnmp/gosnmp"
	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

const root = "1.3.6.1.4.1.32473.1"

// ask hands a request to an agent and decodes what it answers.
func ask(t testing.TB, a *Agent, b []byte) *gosnmp.SnmpPacket {
	t.Helper()
	answer := a.handle(context.Background(), b, loopback)
	require.NotNil(t, answer)
	require.LessOrEqual(t, len(answer), a.limit)
	p, err := (&gosnmp.GoSNMP{Version: gosnmp.Version2c}).SnmpDecodePacket(answer)
	require.NoError(t, err)
	require.EqualValues(t, 77, p.RequestID)
	require.Equal(t, "s3cret", p.Community)
	return p
}

func TestBulk(t *testing.T) {
	t.Parallel()
	a := silent(t, defaultSize)
	all := a.cache.Tree().All()
	for _, c := range []struct {
		name   string
		first  uint8
		second uint32
		names  []string
		want   int // variables; -1 as many as fit
	}{
		{"nothing asked", 0, 10, nil, 0},
		{"no repetitions", 1, 0, []string{root, root}, 1},
		{"more single ones than names", 9, 5, []string{root, root}, 2},
		{"a mixture", 1, 3, []string{root, root + ".1.5", "1.3.6.1.2.1.1"}, 1 + 2*3},
		{"all that fits", 0, 1<<31 - 1, []string{root}, -1},
		{"beyond the end", 0, 5, []string{"2.1"}, 1},
	} {
		p := ask(t, a, packet(t, gosnmp.Version2c, gosnmp.GetBulkRequest, c.first, c.second, c.names...))
		require.Equal(t, gosnmp.NoError, p.Error, c.name)
		if c.want >= 0 {
			require.Len(t, p.Variables, c.want, c.name)
			continue
		}
		require.Greater(t, len(p.Variables), 3)
		require.Less(t, len(p.Variables), len(all))
	}
	p := ask(t, a, packet(t, gosnmp.Version2c, gosnmp.GetBulkRequest, 0, 5, "2.1"))
	require.Equal(t, gosnmp.EndOfMibView, p.Variables[0].Type)
	require.Equal(t, ".2.1", p.Variables[0].Name)
}

func TestTooBig(t *testing.T) {
	t.Parallel()
	a := silent(t, minSize)
	var texts []string // of 750 bytes
	for _, v := range a.cache.Tree().All() {
		if strings.HasPrefix(v.Value.Octets, "lang lang") {
			texts = append(texts, v.OID.String())
		}
	}
	require.Len(t, texts, 1)
	p := ask(t, a, packet(t, gosnmp.Version2c, gosnmp.GetRequest, 0, 0, texts[0]))
	require.Equal(t, gosnmp.TooBig, p.Error)
	require.Empty(t, p.Variables)
	p = ask(t, a, packet(t, gosnmp.Version1, gosnmp.GetRequest, 0, 0, texts[0]))
	require.Equal(t, gosnmp.TooBig, p.Error)
	require.Len(t, p.Variables, 1)
	require.Nil(t, a.handle(t.Context(), packet(t, gosnmp.Version1, gosnmp.GetRequest, 0, 0, slices.Repeat(texts, 40)...), loopback),
		"not even the refusal fits")
	require.EqualValues(t, 1, a.Stats().Dropped)
}

func TestErrorsNameTheVariable(t *testing.T) {
	t.Parallel()
	a := silent(t, defaultSize)
	p := ask(t, a, packet(t, gosnmp.Version1, gosnmp.GetRequest, 0, 0, root+".1.5.1.0", root+".9.9.9"))
	require.Equal(t, gosnmp.NoSuchName, p.Error)
	require.EqualValues(t, 2, p.ErrorIndex)
	p = ask(t, a, packet(t, gosnmp.Version1, gosnmp.GetNextRequest, 0, 0, "2.1"))
	require.Equal(t, gosnmp.NoSuchName, p.Error)
	require.EqualValues(t, 1, p.ErrorIndex)
	p = ask(t, a, packet(t, gosnmp.Version2c, gosnmp.SetRequest, 0, 0, root+".1.5.1.0"))
	require.Equal(t, gosnmp.NotWritable, p.Error)
	require.EqualValues(t, 1, p.ErrorIndex)
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	a := silent(t, defaultSize)
	b := packet(t, gosnmp.Version2c, gosnmp.GetRequest, 0, 0, root+".1.5.1.0")
	for address, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true, "192.0.2.1": false, "fe80::1%eth0": false,
	} {
		require.Equal(t, want, a.handle(t.Context(), b, netip.MustParseAddr(address)) != nil, address)
	}
	networks, err := Config{Networks: []string{"192.0.2.7", "2001:db8::/32"}}.networks()
	require.NoError(t, err)
	a.networks = networks
	for address, want := range map[string]bool{"192.0.2.7": true, "192.0.2.8": false, "127.0.0.1": false, "2001:db8::5": true} {
		require.Equal(t, want, a.handle(t.Context(), b, netip.MustParseAddr(address)) != nil, address)
	}
	a.community = secret.FromFile("/nowhere/at/all")
	require.Nil(t, a.handle(t.Context(), b, netip.MustParseAddr("192.0.2.7")))
}

// Numbers and names that other implementations send in other ways.
func TestDecode(t *testing.T) {
	t.Parallel()
	good := []byte{0x30, 0x82, 0, 0x1e, 2, 1, 1, 4, 1, 'c', 0xa0, 0x81, 0x15, 2, 4, 0xff, 0xff, 0xff, 0xfe, 2, 1, 0, 2, 1, 0,
		0x30, 0x07, 0x30, 5, 6, 1, 0x2b, 5, 0}
	r, err := decode(good)
	require.NoError(t, err, "lengths may be longer than they need be")
	require.EqualValues(t, -2, r.id)
	require.Equal(t, []mib.OID{{1, 3}}, r.names)
	require.Equal(t, "c", string(r.community))
	for i := range good { // cut anywhere it is none
		_, err := decode(good[:i])
		require.ErrorIs(t, err, errMalformed)
	}
	_, err = decode(append(slices.Clone(good), 0))
	require.ErrorIs(t, err, errMalformed)
	_, err = decode(packet(t, gosnmp.Version1, gosnmp.GetBulkRequest, 0, 1, root))
	require.ErrorIs(t, err, errMalformed, "v1 has no GetBulk")
	_, err = decode(packet(t, gosnmp.Version2c, gosnmp.GetRequest, 0, 0, slices.Repeat([]string{root}, maxVariables+1)...))
	require.ErrorIs(t, err, errMalformed)
	_, err = decode(packet(t, gosnmp.Version2c, gosnmp.GetRequest, 0, 0, slices.Repeat([]string{root}, maxVariables)...))
	require.NoError(t, err)
	for _, b := range [][]byte{{}, {0x80}, {0xff, 0xff, 0xff, 0xff, 0x7f}, {0x81, 0x80, 0x80, 0x80, 0x80, 0x01}, make([]byte, 200)} {
		_, err := identifier(b)
		require.ErrorIs(t, err, errMalformed)
	}
	o, err := identifier([]byte{0x88, 0x37, 0x8f, 0xff, 0xff, 0xff, 0x7f})
	require.NoError(t, err)
	require.Equal(t, mib.OID{2, 999, 1<<32 - 1}, o)
	require.Equal(t, []byte{6, 7, 0x88, 0x37, 0x8f, 0xff, 0xff, 0xff, 0x7f}, appendOID(nil, o))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := Config{Listen: "127.0.0.1:1161", Community: secret.New("s3cret")}
	require.Empty(t, good.Check())
	for path, change := range map[string]func(*Config){
		"listen":    func(c *Config) { c.Listen = "127.0.0.1" },
		"community": func(c *Config) { c.Community = secret.Secret{} },
		"networks":  func(c *Config) { c.Networks = []string{"everywhere"} },
		"max_size":  func(c *Config) { c.MaxSize = 100 },
		"max_rate":  func(c *Config) { c.MaxRate = -1 },
	} {
		c := good
		change(&c)
		found := c.Check()
		require.Len(t, found, 1, path)
		require.Equal(t, path, found[0].Path)
		require.False(t, found[0].Warning)
	}
	c := good
	c.Listen = "127.0.0.1:0"
	require.Len(t, c.Check(), 1)
	c = good
	c.Community = secret.New("public")
	require.True(t, c.Check()[0].Warning)
}
