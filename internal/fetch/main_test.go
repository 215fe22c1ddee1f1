package fetch

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes a client for a URL and a session of it that ends with the test.
func open(t testing.TB, o Options, target string, node string) *Session {
	t.Helper()
	u, err := url.Parse(target)
	require.NoError(t, err)
	c, err := New(o, Target{Public: u, Node: node})
	require.NoError(t, err)
	s := c.Session()
	t.Cleanup(s.Close)
	return s
}

func get(t testing.TB, ctx context.Context, s *Session, target string) (*Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	require.NoError(t, err)
	return s.Do(ctx, req)
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
