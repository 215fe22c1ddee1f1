package access

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a load balancer's question costs here must not be measurable: no
// allocation, and well below a microsecond.
func BenchmarkIdentify(b *testing.B) {
	g, err := NewGuard(&Config{
		Tokens: []Token{{Name: "lb", Hash: HashToken("token"), Scopes: []string{"testall"}}},
		Open:   []string{"testall"}, OpenTo: []string{"192.0.2.0/24"}, TrustedProxies: []string{"10.0.0.0/8"},
	})
	require.NoError(b, err)
	for name, header := range map[string][]string{"open": nil, "token": {"Authorization", "Bearer token"}} {
		b.Run(name, func(b *testing.B) {
			r := request(header...)
			b.ReportAllocs()
			for b.Loop() {
				if !g.Open("testall", r) {
					b.Fatal("closed")
				}
				if got, err := g.Identify(r); err != nil || got.Known != (header != nil) {
					b.Fatal(got, err)
				}
			}
		})
	}
}

func TestIdentifyAllocatesNothing(t *testing.T) {
	g, err := NewGuard(&Config{Tokens: []Token{{Name: "lb", Hash: HashToken("token"), Scopes: []string{"testall"}}}, Open: []string{"testall"}})
	require.NoError(t, err)
	bare, right := request(), request("X-API-Key", "token")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		g.Open("testall", bare)
		if got, err := g.Identify(bare); err != nil || got.Known {
			t.Error(got, err)
		}
		if got, err := g.Identify(right); err != nil || !got.Known {
			t.Error(got, err)
		}
	}))
}
