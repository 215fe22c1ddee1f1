// Package probetest has what tests of probe kinds need: a way to build and run a
// probe, servers that follow a script, and ports where nobody listens.
// Everything listens on 127.0.0.1 and ends with its test.
package probetest

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/probes"
)

// Limit is how long a run may take that should not need its time.
const Limit = 30 * time.Second

// Run checks the options, which must have no problem but warnings, builds the
// probe and runs it once.
func Run(t testing.TB, o probes.Options, target probes.Target, timeout time.Duration) probes.Result {
	t.Helper()
	require.Empty(t, Problems(o, target.Provider))
	p, err := o.New(target)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return p.Run(ctx)
}

// Problems returns the paths of the problems that are no mere warnings.
func Problems(o probes.Options, p *probes.Provider) []string {
	var paths []string
	for _, problem := range o.Check(probes.Setting{Provider: p, Every: time.Minute, Timeout: Limit}) {
		if !problem.Warning {
			paths = append(paths, problem.Path)
		}
	}
	return paths
}

// StepNames lists the steps of a result, in order.
func StepNames(r probes.Result) []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

// Closed returns an address where nobody listens.
func Closed(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// Script starts a server that follows a script on every connection: a line that
// begins with "<" is waited for (its beginning, in any case, has to be that),
// any other is sent, with CRLF at its end. Then it hangs up, unless the last
// line is "...", which waits for the client to do so.
func Script(t testing.TB, lines ...string) string {
	t.Helper()
	return fetchtest.Raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		for _, line := range lines {
			if line == "..." {
				_, _ = io.Copy(io.Discard, in)
				return
			}
			want, heard := strings.CutPrefix(line, "<")
			if !heard {
				if _, err := io.WriteString(c, line+"\r\n"); err != nil {
					return
				}
				continue
			}
			got, err := in.ReadString('\n')
			if err != nil || !strings.HasPrefix(strings.ToUpper(got), strings.ToUpper(want)) {
				return
			}
		}
	})
}

// Say starts a server that sends bytes on every connection and waits for the
// client to hang up.
func Say(t testing.TB, b []byte) string {
	t.Helper()
	return fetchtest.Raw(t, func(c net.Conn) {
		_, _ = c.Write(b)
		_, _ = io.Copy(io.Discard, c)
	})
}

// Endless starts a server that sends a text again and again, for as long as
// somebody takes it.
func Endless(t testing.TB, text string) string {
	t.Helper()
	return fetchtest.Raw(t, func(c net.Conn) {
		b := []byte(strings.Repeat(text, 1+4096/len(text)))
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	})
}

// Drip starts a server that sends a text again and again, a byte every millisecond.
func Drip(t testing.TB, text string) string {
	t.Helper()
	return fetchtest.Raw(t, func(c net.Conn) {
		for i := 0; ; i++ {
			if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// Silent starts a server that takes connections and says nothing.
func Silent(t testing.TB) string { return Say(t, nil) }

// Reset starts a server that resets every connection once something arrived.
func Reset(t testing.TB) string {
	t.Helper()
	return fetchtest.Raw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		_ = c.(*net.TCPConn).SetLinger(0)
	})
}
