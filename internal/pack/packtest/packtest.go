// Package packtest helps to test what is made for consoles.
package packtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/pack"
)

// Made returns a site, and what files makes for it; what is empty is the default.
func Made(t testing.TB, files func(pack.Site) (map[string][]byte, error), oid, prefix, url string) (pack.Site, map[string][]byte) {
	t.Helper()
	site, err := pack.New(oid, prefix, url)
	require.NoError(t, err)
	made, err := files(site)
	require.NoError(t, err)
	return site, made
}
