package snmp

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	retries := func(n int) *int { return &n }
	full := credentials(authPriv, "SHA256", "AES")
	change := func(f func(*V3)) V3 { v := full; f(&v); return v }
	const at = "127.0.0.1"
	for _, c := range []struct {
		name string
		d    Destination
		path string // of the one problem; empty for none
		want string
	}{
		{"the least", Destination{Address: at}, "", ""},
		{"v1", Destination{Address: at + ":1162", Version: "v1"}, "", ""},
		{"v3", Destination{Address: at, Version: "v3", V3: full}, "", ""},
		{"spelling", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.AuthProtocol, v.PrivProtocol = "sha-512", "aes-256" })}, "", ""},
		{"least size", Destination{Address: at, MaxSize: minSize}, "", ""},
		{"least size of v3", Destination{Address: at, Version: "v3", V3: full, MaxSize: minSize}, "max_size", "allow at least 5"},
		{"no address", Destination{}, "address", "HOST"},
		{"version", Destination{Address: at, Version: "v2"}, "version", "v2c"},
		{"v1 inform", Destination{Address: at, Version: "v1", Inform: true}, "inform", "v2c"},
		{"community", Destination{Address: at, Community: secret.New("")}, "community", "1 to 127"},
		{"long community", Destination{Address: at, Community: secret.New(strings.Repeat("x", 128))}, "community", "1 to 127"},
		{"community and v3", Destination{Address: at, Version: "v3", V3: full, Community: secret.New("c")}, "community", "drop"},
		{"v2c and users", Destination{Address: at, V3: full}, "v3", "version: v3"},
		{"no user", Destination{Address: at, Version: "v3"}, "v3.user", "1 to 32"},
		{"long user", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.User = strings.Repeat("u", 33) })}, "v3.user", "1 to 32"},
		{"long context", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.Context = strings.Repeat("u", 33) })}, "v3.context", "32"},
		{"level", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.SecurityLevel = "high" })}, "v3.security_level", "authPriv"},
		{"auth", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.AuthProtocol = "SHA3" })}, "v3.auth_protocol", "SHA256"},
		{"priv", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.PrivProtocol = "3DES" })}, "v3.priv_protocol", "AES256C"},
		{"no password", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.AuthPassword = secret.Secret{} })}, "v3.auth_password", "auth_password_file"},
		{"short password", Destination{Address: at, Version: "v3", V3: change(func(v *V3) { v.PrivPassword = secret.New("short") })}, "v3.priv_password", "8 bytes"},
		{"timeout", Destination{Address: at, Timeout: time.Hour}, "timeout", "1m"},
		{"retries", Destination{Address: at, Retries: retries(11)}, "retries", "0 to 10"},
		{"size", Destination{Address: at, MaxSize: 100}, "max_size", "484"},
	} {
		found := (&Options{Destinations: []Destination{c.d}}).Check(bridges.Setting{BaseOID: "1.3.6.1.4.1.9999.1", Storage: t.TempDir()})
		if c.path == "" {
			require.Empty(t, found, c.name)
			continue
		}
		require.Len(t, found, 1, c.name)
		require.Equal(t, "destinations[0]."+c.path, found[0].Path, c.name)
		require.Contains(t, found[0].Message, c.want, c.name)
		require.False(t, found[0].Warning)
		require.NotContains(t, found[0].Message, authPassword)
	}
}

func TestCheckOfTheWhole(t *testing.T) {
	t.Parallel()
	d := Destination{Address: "127.0.0.1"}
	weak := Destination{Name: "weak", Address: "127.0.0.1", Version: "v3", V3: credentials(authPriv, "MD5", "DES")}
	problems := func(s bridges.Setting, all ...Destination) (out []string) {
		for _, p := range (&Options{Destinations: all}).Check(s) {
			if p.Warning {
				p.Path = "warning " + p.Path
			}
			out = append(out, p.Path)
		}
		return out
	}
	ours := bridges.Setting{BaseOID: "1.3.6.1.4.1.9999.1"}
	require.Equal(t, []string{"warning "}, problems(bridges.Setting{}, d), "the documentation's number is announced")
	require.Equal(t, []string{""}, problems(bridges.Setting{BaseOID: "1.2"}, d))
	require.Equal(t, []string{"destinations"}, problems(ours))
	require.Equal(t, []string{"destinations[1].name"}, problems(ours, d, d))
	require.Equal(t, []string{"warning destinations[0].v3.auth_protocol", "warning destinations[0].v3.priv_protocol", "warning destinations[0].version"}, problems(ours, weak))
	_, err := (&Options{Destinations: []Destination{d}}).New(bridges.Setting{BaseOID: "1.2"})
	require.ErrorContains(t, err, "base_oid")
}

// What Check calls the least size is one: texts are all gone, and it fits.
func TestLeastSizeSuffices(t *testing.T) {
	t.Parallel()
	for _, v := range every() {
		d := Destination{Address: "127.0.0.1", Version: "v3", V3: v, MaxSize: minSize}
		s := bridges.Setting{BaseOID: "1.3.6.1.4.1.4294967295.1.4294967295", Storage: t.TempDir()}
		for _, p := range (&Options{Destinations: []Destination{d}}).Check(s) {
			if p.Path != "destinations[0].max_size" {
				continue
			}
			least := leastOf(t, p.Message)
			d.MaxSize = least - 1
			require.NotEmpty(t, (&Options{Destinations: []Destination{d}}).Check(s))
			d.MaxSize = least
		}
		all, err := (&Options{Destinations: []Destination{d}}).New(s)
		require.NoError(t, err)
		sender := all[0].Deliverer.(*sender)
		e := raised(strings.Repeat("i", 64))
		e.Alarm.Text = strings.Repeat("x", 5000)
		p, err := sender.packet(e)
		require.NoError(t, err)
		b, err := sender.marshalTrap(p)
		require.NoError(t, err)
		require.LessOrEqual(t, len(b), d.MaxSize)
	}
}
