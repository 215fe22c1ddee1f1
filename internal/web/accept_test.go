package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	for accept, json := range map[string]bool{
		"":                                                       false,
		"*/*":                                                    false,
		"application/*":                                          false,
		"application/json":                                       true,
		"Application/JSON; charset=utf-8":                        true,
		"application/health+json":                                true,
		"application/json;q=0":                                   false,
		"application/json;q=0.000":                               false,
		"application/json;q=0.001":                               true,
		"application/json;q=soon":                                true,
		"application/json;q=NaN, text/plain":                     true,
		"application/json;q=-1":                                  true,
		"application/json, */*":                                  true,
		"application/json, text/plain, */*":                      true, // browsers' fetch libraries
		"text/plain, application/json":                           true,
		"*/*, application/json;q=0.5":                            false,
		"*/*;q=0.1, application/json;q=0.5":                      true,
		"text/*;q=0.9, application/json;q=.5":                    false,
		"text/plain;q=0.2, text/*, application/json;q=0.5":       true, // the more specific range counts
		"text/plain, application/health+json;q=0.5":              false,
		"text/plain;q=0.4, application/health+json;q=0.5":        true,
		"text/plain;q=0.5;format=flowed, application/json;q=0.4": false,
		"application/json;q=0.1, application/health+json, text/plain;q=1": true,
		"text/html, application/health+json;q=0.5":                        true, // HTML is nothing we have
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false,
		"*, ;;, application/json":                                         true,
	} {
		r := accepting(t, accept)
		require.Equal(t, json, asksFor(r, typeJSON, typeHealth), accept)
	}
	r := accepting(t, "text/plain;q=0.3")
	r.Header.Add("Accept", "application/json;q=0.2")
	require.False(t, asksFor(r, typeJSON), "several lines are one list")
}

func accepting(t *testing.T, accept string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	require.NoError(t, err)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return r
}

func TestPlainTextIsPreferred(t *testing.T) {
	t.Parallel()
	config, bearer := withToken(t, "testall")
	o := options()
	o.Access = config
	o.State = &fakeState{entries: []state.Entry{entry("login", "", true, probes.Pass)}}
	s := start(t, o)
	got := s.get(t, "/testall", "Authorization", bearer, "Accept", "text/plain, application/health+json;q=0.5")
	require.Equal(t, []string{"OK", typeText}, []string{got.body, got.header.Get("Content-Type")})
	got = s.get(t, "/testall", "Authorization", bearer, "Accept", "text/plain;q=0.4, application/health+json;q=0.5")
	require.Equal(t, typeHealth, got.header.Get("Content-Type"))
	for query, verbose := range map[string]bool{"verbose": true, "verbose=": true, "verbose=1": true, "verbose=true": true, "verbose=yes": true, "verbose=0": false, "verbose=false": false, "verbose=False": false} {
		require.Equal(t, verbose, s.get(t, "/testall?"+query, "Authorization", bearer).body != "OK", query)
	}
}
