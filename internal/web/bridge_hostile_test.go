package web

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Hostile bodies are refused at once, in bounded memory, and the connection is
// closed. It measures what is allocated, so it is not parallel.
func TestHostileWebhooks(t *testing.T) {
	s, bearer, _ := hooked(t, nil)
	// What a million small labels take, and what takes most of what is read.
	million := `{"version":"4","alerts":[{"status":"firing","labels":{"a":"b"` + strings.Repeat(`,"a":"b"`, 400_000) + `}}]}`
	manyAlerts := hook(strings.Repeat(`{},`, 1_000_000) + `{}`)
	deep := `{"version":"4","x":` + strings.Repeat(`[`, 4_000_000)
	for name, c := range map[string]struct {
		length int64 // -1 is sent in chunks
		body   io.Reader
		code   int
	}{
		"50 MB, announced":   {50 << 20, endless{}, 413},
		"10 MB, announced":   {10 << 20, endless{}, 413},
		"50 MB in chunks":    {-1, io.LimitReader(endless{}, 50<<20), 413},
		"endless chunks":     {-1, endless{}, 413},
		"a million labels":   {int64(len(million)), strings.NewReader(million), 413},
		"a million alerts":   {int64(len(manyAlerts)), strings.NewReader(manyAlerts), 400},
		"deep":               {int64(len(deep)), strings.NewReader(deep), 400},
		"invalid UTF-8":      {3 << 20, io.LimitReader(repeated("\xff"), 3<<20), 400},
		"chunks that are no": {-2, strings.NewReader("zz\r\n"), 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			began := time.Now()
			head := "POST " + hookPath + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + bearer + "\r\n"
			if c.length < 0 {
				head += "Transfer-Encoding: chunked\r\n\r\n"
			} else {
				head += "Content-Length: " + strconv.FormatInt(c.length, 10) + "\r\n\r\n"
			}
			require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
			sent := make(chan error, 1)
			go func() { // until the server closes the connection
				_, err := io.WriteString(conn, head)
				switch {
				case err != nil:
				case c.length == -1:
					_, err = io.Copy(chunks{conn}, c.body)
				case c.length == -2:
					_, err = io.Copy(conn, c.body)
				default:
					_, err = io.CopyN(conn, c.body, c.length)
				}
				sent <- err
			}()
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			require.Equal(t, c.code, res.StatusCode)
			body, _ := io.ReadAll(res.Body)
			require.Less(t, len(body), 1000)
			if c.code == http.StatusRequestEntityTooLarge && name != "a million labels" {
				require.True(t, res.Close, "the rest is not read")
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%s: %s, %d KiB allocated", name, took.Round(time.Millisecond), allocated>>10)
			require.Less(t, allocated, uint64(32<<20))
			require.NotErrorIs(t, <-sent, os.ErrDeadlineExceeded, "the server closes the connection")
		})
	}
	require.Equal(t, 200, s.send(t, "POST", hookPath, hook(alert("firing", "A")), "Authorization", bearer).code)
}

type repeated string

func (r repeated) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(r), len(p)/len(r)+1)), nil
}

// chunks writes each piece as a chunk.
type chunks struct{ w io.Writer }

func (c chunks) Write(p []byte) (int, error) {
	_, err := fmt.Fprintf(c.w, "%x\r\n%s\r\n", len(p), p)
	return len(p), err
}

// A body that trickles is asked for again, and keeps no small one waiting.
func TestSlowWebhooks(t *testing.T) {
	t.Parallel()
	s, bearer, _ := hooked(t, nil, func(s *Server) { s.times.read = time.Second })
	var slow []net.Conn
	for range largeWebhooks + 1 {
		c := dial(t, s)
		_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\nContent-Length: 1000000\r\n\r\n{", hookPath, bearer)
		require.NoError(t, err)
		slow = append(slow, c)
	}
	require.Equal(t, 200, s.send(t, "POST", hookPath, hook(alert("firing", "A")), "Authorization", bearer).code)
	for _, c := range slow {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(30*time.Second)))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
		require.Equal(t, "5", res.Header.Get("Retry-After"))
		require.True(t, res.Close)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "the body did not arrive in time; send it again\n", string(body))
	}
}

// Where large bodies wait for their turn for too long, they are asked for again.
func TestLargeWebhooksTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newWebhook(&Server{})
		for range largeWebhooks {
			require.True(t, h.turn(t.Context()))
		}
		began := time.Now()
		require.False(t, h.turn(t.Context()))
		require.Equal(t, webhookWait, time.Since(began))
		go func() {
			time.Sleep(time.Second)
			<-h.large
		}()
		require.True(t, h.turn(t.Context()))
	})
}
