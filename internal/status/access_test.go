package status

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

// guarded asks for the scope as the exporter's routes do.
func guarded(t *testing.T, c *access.Config, h http.Handler) http.Handler {
	t.Helper()
	guard, err := access.NewGuard(c)
	require.NoError(t, err)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		grant, err := guard.Identify(r)
		switch {
		case err != nil:
			Bodyless(w, http.StatusServiceUnavailable)
		case !grant.Known:
			w.Header().Set("WWW-Authenticate", `Basic realm="idp_exporter"`)
			Bodyless(w, http.StatusUnauthorized)
		case !grant.Scopes.Has(access.Status):
			Bodyless(w, http.StatusForbidden)
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// The appliance's own user gets in with a key of ours, and whoever is refused
// uses up nothing of the limit: the same on both sides.
func TestBasicUserOfTheAppliance(t *testing.T) {
	t.Parallel()
	key, token, err := access.CreateToken("monitor", []string{"status"})
	require.NoError(t, err)
	now := time.Unix(1e9, 0)
	clock := func() time.Time { return now }
	h := New(clock)
	h.Set("a0-1", func(string) Answer { return Good })
	ours := guarded(t, &access.Config{Users: []access.User{{Name: User, Hash: token.Hash, Scopes: []string{"status"}}}}, h)
	emulator := demo.NewAppliance(demo.ApplianceOptions{Key: key, Now: clock})
	for i, c := range []struct {
		user, key string
		want      int
	}{
		{User, key, 204}, {"", "", 401}, {User, "wrong", 401}, {"admin", key, 401}, {User, "", 401}, {User, key, 204}, {User, key, 204},
		{User, key, 204}, {User, key, 204}, {User, key, 204}, {User, key, 204}, {User, key, 204}, {User, key, 204}, {User, key, 204},
		{User, key, 429}, {User, "wrong", 401},
	} {
		for name, side := range map[string]http.Handler{"ours": ours, "the appliance's": emulator} {
			r := httptest.NewRequest(http.MethodGet, "/health/status/db", nil)
			if c.user != "" {
				r.SetBasicAuth(c.user, c.key)
			}
			w := httptest.NewRecorder()
			side.ServeHTTP(w, r)
			require.Equal(t, c.want, w.Code, "%s, request %d", name, i)
			require.Empty(t, w.Body.Bytes())
		}
	}
}
