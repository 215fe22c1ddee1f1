package httpprobe

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// maxAllocated bounds what one run may allocate in all, garbage included, in bytes.
const maxAllocated = 16 << 20

// endless writes head once and then block until the other side is gone.
func endless(head, block string) func(net.Conn) {
	b := []byte(block)
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, err := io.WriteString(c, head)
		for err == nil {
			_, err = c.Write(b)
		}
	}
}

func once(answer string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, answer)
	}
}

// bomb is 10 GB of zeros, compressed to some 10 MB.
func bomb(t *testing.T) []byte {
	var part bytes.Buffer
	z, err := gzip.NewWriterLevel(&part, gzip.BestCompression)
	require.NoError(t, err)
	zeros := make([]byte, 1<<20)
	for range 10 {
		_, _ = z.Write(zeros)
	}
	require.NoError(t, z.Close())
	return bytes.Repeat(part.Bytes(), 1000) // members are one stream (RFC 1952, 2.2)
}

func TestHostileServers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	long := strings.Repeat("x", 64<<10)
	packed := string(bomb(t))
	for _, c := range []struct {
		name   string
		scheme string
		serve  func(net.Conn)
		step   string
		reason probes.Reason
	}{
		{"endless body", "http", endless(ok+"\r\n", long), "response", probes.ReasonTooLarge},
		{"endless chunks", "http", endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "10000\r\n"+long+"\r\n"), "response", probes.ReasonTooLarge},
		{"body promised", "http", once(ok + "Content-Length: 99999999999\r\n\r\n"), "response", probes.ReasonTooLarge},
		{"endless headers", "http", endless(ok, "X-A: "+long[:1000]+"\r\n"), "response", probes.ReasonTooLarge},
		{"endless header", "http", endless(ok+"X-A: ", long), "response", probes.ReasonTooLarge},
		{"10 MB of headers", "http", once(ok + strings.Repeat("X-A: "+long[:995]+"\r\n", 10_000) + "\r\n"), "response", probes.ReasonTooLarge},
		{"endless status line", "http", endless("HTTP/1.1 200 ", long), "response", probes.ReasonTooLarge},
		{"endless 1xx", "http", endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), "response", probes.ReasonTooLarge},
		{"endless trailers", "http", endless(ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", "X-A: "+long[:1000]+"\r\n"), "response", probes.ReasonBadResponse},
		{"huge chunk extensions", "http", endless(ok+"Transfer-Encoding: chunked\r\n\r\n", "1;"+long[:3000]+"\r\nx\r\n"), "response", probes.ReasonBadResponse},
		{"endless chunk extension", "http", endless(ok+"Transfer-Encoding: chunked\r\n\r\n1;", long), "response", probes.ReasonBadResponse},
		{"gzip bomb", "http", once(ok + "Content-Encoding: gzip\r\n\r\n" + packed), "response", probes.ReasonTooLarge},
		{"not gzip", "http", once(ok + "Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\nabcdefghijklmnopqrst"), "response", probes.ReasonBadResponse},
		{"half a body", "http", once(ok + "Content-Length: 10\r\n\r\nhalf"), "response", probes.ReasonConnect},
		{"says nothing and leaves", "http", once(""), "request", probes.ReasonConnect},
		{"half a status line", "http", once("HTTP/1.1 2"), "response", probes.ReasonBadResponse},
		{"malformed status line", "http", once("HTTP/1.1 OK fine\r\n\r\n"), "response", probes.ReasonBadResponse},
		{"not http", "http", once("SSH-2.0-OpenSSH_9.9\r\n"), "response", probes.ReasonBadResponse},
		{"binary", "http", once("\x00\xff\xfe\r\n\r\n"), "response", probes.ReasonBadResponse},
		{"bad header", "http", once(ok + "X-\xff\xfe: \x00\r\n\r\n"), "response", probes.ReasonBadResponse},
		{"two lengths", "http", once(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "response", probes.ReasonBadResponse},
		{"switched protocols", "http", endless("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", long), "response", probes.ReasonBadResponse},
		{"reset", "http", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_ = c.(*net.TCPConn).SetLinger(0)
		}, "request", probes.ReasonConnect},
		{"reset in the body", "http", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, ok+"Content-Length: 10\r\n\r\nhalf")
			time.Sleep(20 * time.Millisecond)
			_ = c.(*net.TCPConn).SetLinger(0)
		}, "response", probes.ReasonConnect},
		{"closed at once", "https", func(net.Conn) {}, "tls", probes.ReasonTLS},
		{"http for https", "https", once("HTTP/1.1 400 Bad Request\r\n\r\n"), "tls", probes.ReasonTLS},
		{"garbage for tls", "https", endless("", long), "tls", probes.ReasonTLS},
		{"alert", "https", once("\x15\x03\x03\x00\x02\x02\x28"), "tls", probes.ReasonTLS},
		{"endless handshake", "https", endless("", "\x16\x03\x03\x40\x00"+long[:16384]), "tls", probes.ReasonTLS},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := NewOptions()
			o.URL = c.scheme + "://" + fetchtest.Raw(t, c.serve) + "/"
			o.BodyMatches = []string{"never"}
			hostile(t, o, c.step, c.reason)
		})
	}
}

// hostile runs a probe that must fail well within its time and memory, and
// leave nothing running.
func hostile(t *testing.T, o *Options, step string, reason probes.Reason) {
	t.Helper()
	const limit = 10 * time.Second
	leak := goleak.IgnoreCurrent()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := runTarget(t, o, probes.Target{}, limit)
	runtime.ReadMemStats(&after)
	requireFailure(t, r, probes.Fail, step, reason)
	require.Less(t, r.Duration, limit)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(maxAllocated), "bytes allocated")
	require.LessOrEqual(t, len(r.Detail), 1003)
	goleak.VerifyNone(t, leak, goleak.IgnoreAnyFunction("github.com/idp-exporter/idp_exporter/internal/fetch/fetchtest.Raw.func1.1"),
		goleak.IgnoreAnyFunction("net/http.(*conn).serve"), goleak.IgnoreAnyFunction("net/http.(*http2serverConn).serve"),
		goleak.IgnoreAnyFunction("net/http.(*http2serverConn).readFrames"), goleak.IgnoreAnyFunction("net/http.(*http2serverConn).runHandler"))
}

func TestHostileHTTP2(t *testing.T) {
	ca := fetchtest.NewCA(t)
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		name   string
		h      http.HandlerFunc
		step   string
		reason probes.Reason
	}{
		{"endless body", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, long); err != nil {
					return
				}
			}
		}, "response", probes.ReasonTooLarge},
		{"large headers", func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				w.Header().Add("X-A", long)
			}
		}, "response", probes.ReasonTooLarge},
		{"1xx", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.Header().Set("Link", "</a>; "+long)
				w.WriteHeader(http.StatusEarlyHints)
			}
		}, "response", probes.ReasonTooLarge},
		{"stream reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "request", probes.ReasonBadResponse},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := fetchtest.Server(t, ca.Issue(t, tomorrow, "127.0.0.1"), c.h)
			o := NewOptions()
			o.URL, o.TLS.CAFile = server.URL, ca.File
			hostile(t, o, c.step, c.reason)
		})
	}
}

// Foreign bytes in headers must not come out in what people read.
func TestForeignText(t *testing.T) {
	t.Parallel()
	address := fetchtest.Raw(t, once("HTTP/1.1 500 \x1b[31mred\xff\r\nX-A: \xff\xfe\x80\r\nContent-Length: 0\r\n\r\n"))
	r := runOnce(t, "http://"+address, func(o *Options) {
		o.JSON = map[string]string{"a": `headers["x-a"] == "?"`}
		o.Status = []Status{"5xx"}
	})
	requireFailure(t, r, probes.Fail, "response", probes.ReasonJSONMismatch)
	require.NotContains(t, r.Detail, "\x1b")
	r = runOnce(t, "http://"+fetchtest.Raw(t, once("\x1b]0;title\x07\u202e\r\n\r\n")), nil)
	requireFailure(t, r, probes.Fail, "response", probes.ReasonBadResponse)
	require.NotContains(t, r.Detail, "\x1b")
}

// A server that sends credentials back must not get them into what people read.
func TestEchoedCredentials(t *testing.T) {
	t.Parallel()
	echo := func(c net.Conn) {
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		for _, line := range strings.Split(string(b[:n]), "\r\n") {
			if strings.Contains(line, canary) || strings.HasPrefix(line, "Authorization: ") {
				_, _ = io.WriteString(c, strings.ReplaceAll(line, "Authorization: ", "")+" "+url.QueryEscape(canary)+"\r\n\r\n")
			}
		}
	}
	for _, give := range []func(*Options){
		func(o *Options) { o.BearerToken = secret.New(canary) },
		func(o *Options) { o.Basic = &Basic{"u", secret.New(canary)} },
		func(o *Options) { o.SecretHeaders = map[string]secret.Secret{"X-Api-Key": secret.New(canary)} },
	} {
		r := runOnce(t, "http://"+fetchtest.Raw(t, echo), give)
		requireFailure(t, r, probes.Fail, "response", probes.ReasonBadResponse)
		require.Contains(t, r.Detail, "<secret>")
		require.NotContains(t, r.Detail, url.QueryEscape(canary))
		require.NotContains(t, r.Detail, base64.StdEncoding.EncodeToString([]byte("u:"+canary)))
	}
}
