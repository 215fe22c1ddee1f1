package fetchtest

import (
	"bufio"
	"context"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Quiet returns a logger that writes nowhere.
func Quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// Proxy is an HTTP proxy that tunnels (CONNECT) and forwards plain requests.
type Proxy struct {
	// Address is host:port.
	Address string
	// Served counts the requests let through, Refused those that were not.
	Served, Refused atomic.Int64
}

// NewProxy starts a proxy. With a user it wants that user and password; with a
// status other than zero it answers that to everybody; with a route, every
// connection is made to that address.
func NewProxy(t testing.TB, user, password string, status int, route string) *Proxy {
	t.Helper()
	p := &Proxy{}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	p.Address = Raw(t, func(c net.Conn) {
		in := bufio.NewReader(c)
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		answer := status
		if answer == 0 && user != "" && req.Header.Get("Proxy-Authorization") != want {
			answer = http.StatusProxyAuthRequired
		}
		if answer != 0 {
			p.Refused.Add(1)
			_ = (&http.Response{StatusCode: answer, ProtoMajor: 1, ProtoMinor: 1, ContentLength: 0}).Write(c)
			return
		}
		p.Served.Add(1)
		to := route
		if to == "" {
			to = req.Host
		}
		up, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(context.Background(), "tcp", to)
		if err != nil {
			return
		}
		defer func() { _ = up.Close() }()
		if req.Method == http.MethodConnect {
			_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
		} else {
			req.Header.Del("Proxy-Authorization")
			_ = req.Write(up)
		}
		splice(c, in, up)
	})
	return p
}

// splice copies both ways until one side ends.
func splice(c net.Conn, in io.Reader, up net.Conn) {
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(up, in)
		_ = up.Close()
	})
	_, _ = io.Copy(c, up)
	_ = c.Close()
	_ = up.Close()
	wg.Wait()
}
