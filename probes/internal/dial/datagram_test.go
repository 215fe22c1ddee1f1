package dial

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestAskUDP(t *testing.T) {
	t.Parallel()
	lost := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	refused := &net.OpError{Op: "read", Err: errors.New("connection refused")}
	for _, c := range []struct {
		name  string
		errs  []error // of each time
		asked int
		want  probes.Reason
	}{
		{"at once", []error{nil}, 1, ""},
		{"lost twice", []error{lost, lost, nil}, 3, ""},
		{"lost three times", []error{lost, lost, lost, nil}, 3, probes.ReasonTimeout},
		{"refused", []error{refused, nil}, 1, probes.ReasonConnect},
		{"answered wrongly", []error{lost, probes.Failf(probes.ReasonBadResponse, "what?"), nil}, 2, probes.ReasonBadResponse},
	} {
		r := probes.NewRun(nil)
		asked := 0
		err := to("127.0.0.1:9").AskUDP(t.Context(), r, "query", func(_ net.Conn, wait time.Duration) error {
			require.Equal(t, Patience, wait)
			asked++
			return c.errs[asked-1]
		})
		require.Equal(t, c.asked, asked, c.name)
		got := r.Finish(err)
		require.Equal(t, []string{"connect", "query"}, probetest.StepNames(got))
		require.Equal(t, c.want, got.Reason, c.name)
		if c.want != "" {
			require.Equal(t, "query", got.FailedStep, c.name)
			require.Equal(t, probes.Fail, got.Steps[1].Outcome)
		}
	}

	// Each time has its share of what is left, and the end of the run is the end.
	ctx, cancel := context.WithCancel(t.Context())
	deadline, done := context.WithTimeout(ctx, 3*time.Second)
	defer done()
	err := to("127.0.0.1:9").AskUDP(deadline, probes.NewRun(nil), "query", func(_ net.Conn, wait time.Duration) error {
		require.LessOrEqual(t, wait, time.Second)
		cancel()
		return lost
	})
	require.Equal(t, probes.Unknown, probes.NewRun(nil).Finish(err).Outcome, "called off")
}
