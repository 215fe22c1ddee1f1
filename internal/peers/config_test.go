package peers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch"
	"github.com/idp-exporter/idp_exporter/internal/secret"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const url = "https://h.example"
	for _, c := range []struct {
		config Config
		want   []string // paths; "!" before a warning
	}{
		{Config{Members: []MemberConfig{{URL: url}, {URL: "https://h.example:9110"}}}, nil},
		{Config{}, []string{"!members"}},
		{Config{Every: time.Second, Members: []MemberConfig{{URL: url}}}, nil},
		{Config{Every: time.Millisecond, Members: []MemberConfig{{URL: url}}}, []string{"every", "timeout"}},
		{Config{Every: time.Second, Timeout: 2 * time.Second, Members: []MemberConfig{{URL: url}}}, []string{"timeout"}},
		{Config{Need: 3, Members: []MemberConfig{{URL: url}}}, []string{"need"}},
		{Config{Need: -1, Members: []MemberConfig{{URL: url}}}, []string{"need"}},
		{Config{Members: []MemberConfig{{URL: url}, {URL: "HTTPS://H.example:443/"}}}, []string{"members[1].url"}},
		{Config{Members: []MemberConfig{{URL: url}, {URL: url}}}, []string{"members[1].name", "members[1].url"}},
		{Config{Members: []MemberConfig{{URL: url, Name: "a"}, {URL: "https://g.example", Name: "a"}}}, []string{"members[1].name"}},
		{Config{Members: []MemberConfig{{URL: url, Name: "self"}}}, []string{"members[0].name"}},
		{Config{Members: []MemberConfig{{URL: url, Name: "a,b"}}}, []string{"members[0].name"}},
		{Config{Members: []MemberConfig{{URL: url, Name: "a\xff"}}}, []string{"members[0].name"}},
		{Config{Members: []MemberConfig{{URL: url, Name: strings.Repeat("a", 101)}}}, []string{"members[0].name"}},
		{Config{Members: []MemberConfig{{}}}, []string{"members[0].url"}},
		{Config{Members: []MemberConfig{{URL: "h.example:9110"}}}, []string{"members[0].url"}},
		{Config{Members: []MemberConfig{{URL: "ftp://h.example"}}}, []string{"members[0].url"}},
		{Config{Members: []MemberConfig{{URL: "https://u:hunter2@h.example"}}}, []string{"members[0].url"}},
		{Config{Members: []MemberConfig{{URL: url + "/?scope=cluster"}}}, []string{"members[0].url"}},
		{Config{Members: []MemberConfig{{URL: url + "/testall"}}}, []string{"members[0].url"}},
		{Config{Members: []MemberConfig{{URL: url, Options: fetch.Options{TLS: fetch.TLS{CertFile: "x"}}}}}, []string{"members[0].tls"}},
		{Config{Members: []MemberConfig{{URL: url, Options: fetch.Options{Proxy: "x"}}}}, []string{"members[0].proxy"}},
		{Config{Members: []MemberConfig{{URL: url, Token: secret.New("two words")}}}, []string{"members[0].token"}},
		{Config{Members: []MemberConfig{{URL: "http://h.example", Token: secret.New("t")}}}, []string{"!members[0].url"}},
		{Config{Members: []MemberConfig{{URL: "http://[::1]:9110", Token: secret.New("t")}}}, nil},
		{Config{Members: many(101)}, []string{"members"}},
	} {
		var got []string
		for _, p := range c.config.Check() {
			require.NotContains(t, p.Message, "hunter2")
			path := p.Path
			if p.Warning {
				path = "!" + path
			}
			got = append(got, path)
		}
		require.Equal(t, c.want, got, "%+v", c.config)
		_, err := New(Options{Config: c.config})
		require.Equal(t, !onlyWarnings(c.want), err != nil)
	}
	_, err := New(Options{Config: Config{Members: []MemberConfig{{URL: url, Options: fetch.Options{TLS: fetch.TLS{CAFile: "/nowhere"}}}}}})
	require.ErrorContains(t, err, "ca_file")
}

func onlyWarnings(paths []string) bool {
	return !slices.ContainsFunc(paths, func(p string) bool { return !strings.HasPrefix(p, "!") })
}

func many(n int) []MemberConfig {
	all := make([]MemberConfig, n)
	for i := range all {
		all[i].URL = fmt.Sprintf("https://h%d.example", i)
	}
	return all
}
