package syslog

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMessage(t *testing.T) {
	t.Parallel()
	h := Header{Facility: 19, Severity: 2, Time: time.Date(2026, 9, 1, 12, 0, 0, 123456789, time.FixedZone("", 7200)), Origin: "host app 1", ID: "raise"}
	b := append(h.Append(nil), "[a@1"...)
	b = append(AppendParam(b, "x", `a"b]c\d[é`), "] text"...)
	require.Equal(t, `<154>1 2026-09-01T10:00:00.123456Z host app 1 raise [a@1 x="a\"b\]c\\d[é"] text`, string(b))
	require.Equal(t, "3 abc", string(AppendCounted(nil, []byte("abc"))))
	require.Equal(t, "-", Visible(" é\n", 9))
	require.Equal(t, "ab", Visible("a bc", 2))
	require.True(t, strings.HasPrefix(OriginOf("a b", "é"), "ab - "))
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"udp://a": "udp://a:514", "tls://[::1]": "tls://[::1]:6514", "tcp://a:601": "tcp://a:601"} {
		e, err := ParseEndpoint(address)
		require.NoError(t, err)
		require.Equal(t, want, e.String())
		require.Equal(t, e.Scheme == "udp", e.Datagram())
	}
	for _, bad := range []string{"", "a", "udp://", "tcp://a", "relp://a:1", "tls://u:p@a", "udp://a/x", "udp://a?x", "udp://:514"} {
		_, err := ParseEndpoint(bad)
		require.Error(t, err, bad)
	}
	n, err := Facility("local7")
	require.NoError(t, err)
	require.Equal(t, 23, n)
	_, err = Facility("local8")
	require.ErrorContains(t, err, "local8")
}
