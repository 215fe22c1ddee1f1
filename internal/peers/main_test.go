package peers

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to come; it ends much earlier.
const patience = time.Minute

func says(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// exporter starts a server that answers /testall.
func exporter(t *testing.T, h http.Handler) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/testall", h)
	s := httptest.NewUnstartedServer(mux)
	s.Config.ErrorLog = fetchtest.Quiet()
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

// run asks the members until the test ends.
func run(t *testing.T, c Config) *Peers {
	t.Helper()
	p, err := New(Options{Config: c})
	require.NoError(t, err)
	start(t, p)
	return p
}

func start(t *testing.T, p *Peers) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func quick(members ...MemberConfig) Config {
	return Config{Every: time.Second, Timeout: time.Second, Members: members}
}

// until waits for a member to be as wanted and returns it.
func until(t *testing.T, p *Peers, name string, wanted func(Member) bool) Member {
	t.Helper()
	var m Member
	require.Eventually(t, func() bool {
		m = find(t, p, name)
		return wanted(m)
	}, patience, 5*time.Millisecond, "%s", name)
	return m
}

func find(t *testing.T, p *Peers, name string) Member {
	t.Helper()
	for _, m := range p.Cluster(true).Members {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no member %s", name)
	return Member{}
}
