package smtpprobe

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

// leaving is a mail server that takes everything, and answers one command in a
// way of its own.
func leaving(t *testing.T, command string, how func(c net.Conn)) string {
	return fetchtest.Raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		_, _ = c.Write([]byte("220 hi\r\n"))
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if strings.HasPrefix(line, command) {
				how(c)
				return
			}
			_, _ = c.Write([]byte("250 ok\r\n"))
		}
	})
}

// What was asked for has been seen when we take leave.
func TestAFarewellFailsNothing(t *testing.T) {
	t.Parallel()
	say := func(s string) func(net.Conn) { return func(c net.Conn) { _, _ = c.Write([]byte(s)) } }
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }
	silent := func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }
	for _, command := range []string{"QUIT", "RSET"} {
		for _, c := range []struct {
			name string
			how  func(net.Conn)
			note string
		}{
			{"another code", say("550 bye\r\n"), "550 bye"},
			{"not SMTP", say("bye\r\n"), "this is not SMTP"},
			{"a reset", reset, "farewell"},
			{"silence", silent, "did not answer"},
			{"the end", func(net.Conn) {}, ""},
		} {
			t.Run(command+" "+c.name, func(t *testing.T) {
				t.Parallel()
				got := probetest.Run(t, options(leaving(t, command, c.how), func(o *Options) {
					o.From, o.To, o.WarnSlowerThan = "probe@example.com", []string{"a@example.com"}, time.Second
				}), probes.Target{}, probetest.Limit)
				require.Equal(t, probes.Pass, got.Outcome, got.Detail)
				require.Equal(t, "connect banner ehlo mail rcpt quit", strings.Join(probetest.StepNames(got), " "))
				require.Less(t, got.Duration, 8*time.Second)
				notes := strings.Join(got.Unverified, "\n")
				require.Contains(t, notes, c.note)
				require.Equal(t, c.note != "", strings.Contains(notes, "farewell"), notes)
			})
		}
	}
}
