package dial

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
	"github.com/idp-exporter/idp_exporter/probes/internal/probetest"
)

func TestProxies(t *testing.T) {
	t.Parallel()
	greeting := probetest.Say(t, []byte("220 hello\r\n")) // speaks first, maybe with the proxy's consent
	password := secret.New("open sesame")
	for _, c := range []struct {
		name    string
		proxy   func() string
		want    probes.Reason
		timeout time.Duration
	}{
		{"http", func() string { return "http://" + fetchtest.NewProxy(t, "", "", 0, "").Address }, "", probetest.Limit},
		{"with a user", func() string { return "http://us@" + fetchtest.NewProxy(t, "us", "open sesame", 0, "").Address }, "", probetest.Limit},
		{"socks5", func() string { return "socks5://" + socksServer(t, "") }, "", probetest.Limit},
		{"socks5 with a user", func() string { return "socks5://us@" + socksServer(t, "open sesame") }, "", probetest.Limit},
		{"wrong user", func() string { return "http://them@" + fetchtest.NewProxy(t, "us", "open sesame", 0, "").Address }, probes.ReasonProxy, probetest.Limit},
		{"refuses", func() string { return "http://" + fetchtest.NewProxy(t, "", "", 403, "").Address }, probes.ReasonProxy, probetest.Limit},
		{"not a proxy", func() string { return "http://" + probetest.Say(t, []byte("220 hello\r\n\r\n")) }, probes.ReasonProxy, probetest.Limit},
		{"endless header", func() string { return "http://" + probetest.Endless(t, "x") }, probes.ReasonProxy, probetest.Limit},
		{"nobody there", func() string { return "http://" + probetest.Closed(t) }, probes.ReasonProxy, probetest.Limit},
		{"silent", func() string { return "http://" + probetest.Silent(t) }, probes.ReasonTimeout, 200 * time.Millisecond},
		{"https without TLS", func() string { return "https://" + probetest.Say(t, []byte("220 hello\r\n\r\n")) }, probes.ReasonProxy, probetest.Limit},
	} {
		o := Proxied{Proxy: c.proxy(), ProxyPassword: password}
		checker := &Checker{}
		o.Check(checker)
		require.Empty(t, checker.Problems, c.name)
		d := to(greeting)
		d.Proxy = NewProxy(o)
		conn, r, err := open(t, d, c.timeout)
		if c.want != "" {
			if c.name == "endless header" {
				require.Contains(t, []probes.Reason{probes.ReasonProxy}, reason(t, err))
			}
			require.Equal(t, c.want, reason(t, err), c.name)
			require.NotContains(t, err.Error(), "sesame")
			continue
		}
		require.NoError(t, err, c.name)
		require.Equal(t, []string{"connect", "proxy"}, probetest.StepNames(r.Finish(nil)))
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err, c.name)
		require.Equal(t, "220 hello\r\n", line)
	}
}

// socksServer is a SOCKS5 proxy (RFC 1928) for names and IPv4, with a password if one is given.
func socksServer(t *testing.T, password string) string {
	return fetchtest.Raw(t, func(c net.Conn) {
		read := func(n int) []byte {
			b := make([]byte, n)
			_, _ = io.ReadFull(c, b)
			return b
		}
		read(int(read(2)[1]))
		if password == "" {
			_, _ = c.Write([]byte{5, 0})
		} else {
			_, _ = c.Write([]byte{5, 2})
			user := read(int(read(2)[1]))
			if got := read(int(read(1)[0])); string(user) != "us" || string(got) != password {
				_, _ = c.Write([]byte{1, 1})
				return
			}
			_, _ = c.Write([]byte{1, 0})
		}
		var host string
		if read(4)[3] == 1 {
			host = net.IP(read(4)).String()
		} else {
			host = string(read(int(read(1)[0])))
		}
		port := read(2)
		up, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(int(port[0])<<8+int(port[1]))))
		if err != nil {
			return
		}
		defer func() { _ = up.Close() }()
		_, _ = c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(up, c)
			_ = up.Close()
		}()
		_, _ = io.Copy(c, up)
		_ = c.Close()
		<-done
	})
}

func FuzzConnectThrough(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n220 hello"))
	f.Add([]byte("HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\n"))
	f.Add([]byte("\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		rest := &pipe{in: answer}
		err := connectThrough(rest, "us", "open sesame", "a:1")
		if err != nil {
			require.NotContains(t, err.Error(), "sesame")
			require.LessOrEqual(t, len(answer)-len(rest.in), maxProxyAnswer)
		}
	})
}

// pipe is a server that answers with fixed bytes.
type pipe struct{ in []byte }

func (p *pipe) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

func (p *pipe) Write(b []byte) (int, error) { return len(b), nil }
