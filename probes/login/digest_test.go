package login

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestDigest(t *testing.T) {
	t.Parallel()
	const document = `{"issuer":"https://a","scopes_supported":["openid","email"],"n":1,"nested":{"a":1,"b":[1,2]}}`
	want := digest([]byte(document))
	require.Regexp(t, "^[0-9a-f]{32}$", want)
	for name, same := range map[string]string{
		"order and space": `{ "nested": {"b":[1,2],"a":1}, "n":1, "scopes_supported":["openid","email"], "issuer":"https:\/\/a" }`,
		"order of a set":  `{"issuer":"https://a","scopes_supported":["email","openid"],"n":1,"nested":{"a":1,"b":[1,2]}}`,
		"signed metadata": `{"signed_metadata":"a.b.c","issuer":"https://a","scopes_supported":["openid","email"],"n":1,"nested":{"a":1,"b":[1,2]}}`,
	} {
		require.Equal(t, want, digest([]byte(same)), name)
	}
	for name, other := range map[string]string{
		"value":            `{"issuer":"https://b","scopes_supported":["openid","email"],"n":1,"nested":{"a":1,"b":[1,2]}}`,
		"missing member":   `{"issuer":"https://a","scopes_supported":["openid","email"],"nested":{"a":1,"b":[1,2]}}`,
		"one word less":    `{"issuer":"https://a","scopes_supported":["openid"],"n":1,"nested":{"a":1,"b":[1,2]}}`,
		"order of numbers": `{"issuer":"https://a","scopes_supported":["openid","email"],"n":1,"nested":{"a":1,"b":[2,1]}}`,
		"large number":     `{"issuer":"https://a","scopes_supported":["openid","email"],"n":10000000000000000000000001,"nested":{"a":1,"b":[1,2]}}`,
	} {
		require.NotEqual(t, want, digest([]byte(other)), name)
	}
	for _, none := range []string{"", "null", "[]", "<html>", `{"a":`} {
		require.Empty(t, digest([]byte(none)), none)
	}
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte(`{"a":["b",1,null],"signed_metadata":{}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		require.Contains(t, []int{0, 32}, len(digest(content)))
	})
}

func TestLoginRecordsTheDigest(t *testing.T) {
	t.Parallel()
	f := started(t, demo.StartOptions{})
	first, second := f.login(t, byPassword).Run(t.Context()), f.login(t, nil).Run(t.Context())
	require.Len(t, first.Facts.DiscoveryDigest, 32)
	require.Equal(t, first.Facts.DiscoveryDigest, second.Facts.DiscoveryDigest)

	s := script(t, nil)
	before := s.login(t, nil).Run(t.Context()).Facts.DiscoveryDigest
	s.metadata["issuer"] = "https://elsewhere.example"
	r := s.login(t, nil).Run(t.Context())
	require.Equal(t, probes.ReasonDiscoveryInvalid, r.Reason)
	require.Len(t, r.Facts.DiscoveryDigest, 32, "kept though the document is wrong")
	require.NotEqual(t, before, r.Facts.DiscoveryDigest)
}
