package test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryProbeRunsAtTheStart has a probe that does not gate and is due at some
// moment of the coming hour: what rests on it is known at once all the same.
func TestEveryProbeRunsAtTheStart(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	e := serve(t, "probes: [{name: postgres, kind: tcp, address: \""+l.Addr().String()+"\", every: 1h, gates: false}]\nstatus: {db: [postgres]}\n")
	e.waitResult("postgres", "pass", "", "", 10*time.Second)
	code, _ := e.get("/status/db")
	require.Equal(t, http.StatusNoContent, code)
	_, metrics := e.get("/metrics")
	require.Contains(t, metrics, `idp_probe_verdict{kind="tcp",node="",probe="postgres"} 1`)
}
