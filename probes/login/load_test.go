package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOverloads(t *testing.T) {
	t.Parallel()
	user := func(name string, perMinute int) *Options {
		return &Options{Flow: FlowPassword, Username: name, Budget: Budget{PerMinute: perMinute}}
	}
	load := func(probe string, nodes int, every time.Duration, o *Options) Load {
		return Load{Probe: probe, Issuer: "https://id.example", Nodes: nodes, Every: every, Options: o}
	}
	for _, c := range []struct {
		name  string
		loads []Load
		probe string
		want  string
	}{
		{"none", nil, "", ""},
		{"within", []Load{load("login", 9, time.Minute, user("eve", 10))}, "", ""},
		{"just within", []Load{load("login", 10, time.Minute, user("eve", 10)), load("off", 0, time.Second, user("eve", 10))}, "", ""},
		{"thirds", []Load{load("a", 1, 18*time.Second, user("eve", 10)), load("b", 1, 9*time.Second, user("eve", 10))}, "", ""},
		{"unlimited", []Load{load("login", 9, time.Second, user("eve", 0))}, "", ""},
		{"one probe", []Load{load("login", 9, 30*time.Second, user("eve", 10))}, "login",
			"9 nodes × every 30s = 18 logins a minute of user eve exceed its budget of 10; raise every to 54s, or raise budget.per_minute to 18 if the provider allows that many"},
		{"two probes", []Load{load("login", 9, time.Minute, user("eve", 10)), load("crm", 3, 90*time.Second, user("eve", 10))}, "login",
			"login: 9 nodes × every 1m + crm: 3 nodes × every 1m30s = 11 logins a minute of user eve exceed its budget of 10; raise every of login to 1m8s, or raise budget.per_minute to 11 if the provider allows that many"},
		{"no room", []Load{load("login", 4, 12*time.Second, user("eve", 10)), load("crm", 9, 30*time.Second, user("eve", 10))}, "login",
			"login: 4 nodes × every 12s + crm: 9 nodes × every 30s = 38 logins a minute of user eve exceed its budget of 10; raise every of each to 3.8 times as long, or raise budget.per_minute to 38 if the provider allows that many"},
		{"the strictest", []Load{load("login", 1, 30*time.Second, user("eve", 10)), load("free", 1, 10*time.Second, user("eve", 0)), load("slow", 1, time.Hour, user("eve", 2))}, "free",
			"login: 1 node × every 30s + free: 1 node × every 10s + slow: 1 node × every 1h = 8 logins a minute of user eve exceed its budget of 2; raise every of each to 4.1 times as long, or raise budget.per_minute to 9 if the provider allows that many"},
		{"others", []Load{load("login", 9, time.Minute, user("eve", 10)), load("other", 9, time.Minute, user("bob", 10)),
			{Probe: "elsewhere", Issuer: "https://other.example", Nodes: 9, Every: time.Minute, Options: user("eve", 10)},
			load("machine", 9, time.Minute, &Options{Flow: FlowClientCredentials, ClientID: "eve", Budget: Budget{PerMinute: 10}})}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := Overloads(c.loads)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, c.probe, found[0].Probe)
			require.Equal(t, "every", found[0].Problem.Path)
			require.Equal(t, c.want, found[0].Problem.Message)
		})
	}
}
