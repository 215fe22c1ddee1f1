package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
)

func TestClassifyByType(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error { return fmt.Errorf("outer: %w", err) }
	op := func(name string, err error) error { return &net.OpError{Op: name, Net: "tcp", Err: err} }
	denied := func(to string) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(to)), Err: os.NewSyscallError("connect", syscall.EACCES)}
	}
	for _, c := range []struct {
		name string
		err  error
		want Part
	}{
		{"known", &Error{Part: PartTLS, Err: context.DeadlineExceeded}, PartTLS},
		{"too large", &TooLargeError{What: "body", Limit: 1}, PartTooLarge},
		{"deadline", context.DeadlineExceeded, PartTimeout},
		{"canceled", context.Canceled, PartTimeout},
		{"no such host", op("dial", &net.DNSError{IsNotFound: true}), PartDNS},
		{"no address of that version", &net.AddrError{Err: "no suitable address found", Addr: "localhost"}, PartDNS},
		{"slow dns", op("dial", &net.DNSError{IsTimeout: true}), PartDNS},
		{"refused", op("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED)), PartConnect},
		{"reset", op("read", os.NewSyscallError("read", syscall.ECONNRESET)), PartConnect},
		{"operating system's timeout", op("dial", os.NewSyscallError("connect", syscall.ETIMEDOUT)), PartTimeout},
		{"our own firewall", op("write", os.NewSyscallError("sendto", syscall.EPERM)), PartOwn},
		{"our own kernel", denied("192.0.2.1:443"), PartOwn},
		{"our own kernel, by a mapped address", denied("[::ffff:192.0.2.1]:443"), PartOwn},
		{"our own kernel, before the proxy", op("proxyconnect", denied("192.0.2.1:3128")), PartOwn},
		{"our own kernel, without a port", &net.OpError{Op: "write", Addr: &net.IPAddr{IP: net.IPv4(192, 0, 2, 1)}, Err: syscall.EACCES}, PartOwn},
		{"a router of IPv6", denied("[2001:db8::1]:443"), PartConnect},
		{"a router of IPv6, before the proxy", op("proxyconnect", denied("[2001:db8::1]:3128")), PartProxy},
		{"nobody knows whose", op("read", syscall.EACCES), PartConnect},
		{"a file", &fs.PathError{Err: syscall.EACCES}, PartResponse},
		{"closed", net.ErrClosed, PartConnect},
		{"end", io.EOF, PartConnect},
		{"early end", io.ErrUnexpectedEOF, PartConnect},
		{"certificate", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, PartTLS},
		{"alert", op("remote error", errors.New("tls: bad certificate")), PartTLS},
		{"not tls", tls.RecordHeaderError{Msg: "first record"}, PartTLS},
		{"proxy unreachable", op("proxyconnect", op("dial", &net.DNSError{})), PartProxy},
		{"socks", op("socks connect", errors.New("general failure")), PartProxy},
		{"proxy says no", &ProxyError{Status: 403}, PartProxy},
		{"text that lies", errors.New("tls: EOF header list connection reset"), PartResponse},
		{"anything else", errors.New("malformed"), PartResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, Classify(c.err))
			require.Equal(t, c.want, Classify(wrap(wrap(c.err))))
		})
	}
}

// A server must not choose the reason by what it writes.
func TestClassifyIgnoresForeignText(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"tls: bad certificate", "EOF", "connection reset by peer", "header list", "net/http: server response headers exceeded 1",
		"http2: response header list larger than advertised limit", "header list too large", "context deadline exceeded", "server closed",
	} {
		address := fetchtest.Raw(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, line+"\r\n\r\n")
		})
		target := "http://" + address + "/" + url.PathEscape(line)
		_, err := get(t, within(t, 5*time.Second), open(t, Options{}, target, ""), target)
		require.Error(t, err)
		require.Equal(t, PartResponse, Classify(err), "%s: %v", line, err)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://Login.Example.com:443/a?b#c": "https://login.example.com",
		"HTTP://a.example:80":                 "http://a.example",
		"https://a.example:80/":               "https://a.example:80",
		"http://a.example:443/":               "http://a.example:443",
		"https://[2001:DB8::1]:8443/":         "https://[2001:db8::1]:8443",
		"https://user:pw@a.example/":          "https://a.example",
	} {
		u, err := url.Parse(in)
		require.NoError(t, err)
		require.Equal(t, want, Origin(u))
	}
}

// FuzzAnswer serves the fuzzer's bytes as an answer.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n0\r\n\r\n",
		"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00",
		"HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=b\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "SSH-2.0-x\r\n", "",
		"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999\r\nContent-Length: 99999999999\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	var answer []byte
	client, err := New(Options{}, Target{})
	require.NoError(f, err)
	known := []Part{PartConnect, PartTimeout, PartTooLarge, PartResponse}
	f.Fuzz(func(t *testing.T, b []byte) {
		answer = b
		s := client.Session()
		defer s.Close()
		s.MaxBody = 1000
		s.transport("http").DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				_, _ = far.Read(make([]byte, 4096))
				_, _ = far.Write(b)
				_ = far.Close()
			}()
			return near, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		resp, err := get(t, ctx, s, "http://a.example/")
		if err == nil {
			require.LessOrEqual(t, len(resp.Content), 1000)
			RetryAfter(resp.Header, time.Now())
			return
		}
		require.Contains(t, known, Classify(err), "%q: %v", answer, err)
		require.NoError(t, ctx.Err(), "an answer that has ended never takes up the time: %q", answer)
	})
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	require.Equal(t, "the answer's body is larger than 7 bytes", (&TooLargeError{What: "body", Limit: 7}).Error())
	require.Equal(t, "the answer's headers are larger than 7 bytes", (&TooLargeError{What: "headers", Limit: 7}).Error())
	require.Contains(t, (&ProxyError{Status: 407}).Error(), "proxy_password_file")
	require.Contains(t, (&ProxyError{Status: http.StatusForbidden}).Error(), "403")
	require.True(t, strings.HasPrefix(withType(errors.New("net/http: server response headers exceeded 65536 bytes; aborted")).Error(), "the answer's headers"))
	require.Equal(t, PartConnect, Classify(withType(errors.New("http2: client connection lost"))))
}
