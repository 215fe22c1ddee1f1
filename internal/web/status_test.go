package web

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
	"github.com/idp-exporter/idp_exporter/internal/status"
	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

func healthKey(key string) []string {
	return []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(status.User+":"+key))}
}

// No answer below /status/ has a body, be it let in or turned away.
func TestStatusHasNoBody(t *testing.T) {
	t.Parallel()
	key, entry := tokenFor(t, "status")
	other, metrics := tokenFor(t, "metrics")
	h := status.New(nil)
	h.Set("a0-1", func(resource string) status.Answer {
		return map[string]status.Answer{"cpu": status.Good, "db": status.Bad}[resource]
	})
	o := options()
	o.Status = h
	o.Access = &access.Config{
		Users: []access.User{{Name: status.User, Hash: entry.Hash, Scopes: []string{"status"}}}, Tokens: []access.Token{metrics},
	}
	s := start(t, o)
	for _, c := range []struct {
		method, path string
		credential   []string
		code         int
	}{
		{"GET", "/status/cpu", healthKey(key), 204}, {"HEAD", "/health/status/cpu", healthKey(key), 204}, {"GET", "/status/db", healthKey(key), 520},
		{"GET", "/status/email", healthKey(key), 404}, {"GET", "/status/none", healthKey(key), 404}, {"GET", "/status/", healthKey(key), 404},
		{"GET", "/status/cpu", nil, 401}, {"GET", "/status/cpu", healthKey("wrong"), 401},
		{"GET", "/status/cpu", []string{"Authorization", "Bearer " + other}, 403}, {"POST", "/status/cpu", healthKey(key), 405},
	} {
		a := s.do(t, c.method, c.path, c.credential...)
		require.Equal(t, c.code, a.code, c)
		require.Empty(t, a.body, c)
	}
	codes := map[int]bool{}
	for begin := time.Now(); !codes[429] && time.Since(begin) < time.Minute; {
		a := s.get(t, "/status/cpu", healthKey(key)...)
		codes[a.code] = true
		require.Empty(t, a.body)
	}
	require.Equal(t, map[int]bool{204: true, 429: true}, codes)
}

// Without an access section the scope is closed, and says so without a body.
func TestStatusIsClosedWithoutAccess(t *testing.T) {
	t.Parallel()
	o := options()
	o.Status = status.New(nil)
	a := start(t, o).get(t, "/status/cpu")
	require.Equal(t, 403, a.code)
	require.Empty(t, a.body)
}

var dateOf = regexp.MustCompile(`(?m)^(Date|Connection): .*\r\n`)

// Mounted among all other routes the answers are still the appliance's, byte by byte.
func TestStatusIsTheAppliancesToTheByte(t *testing.T) {
	t.Parallel()
	key, entry := tokenFor(t, "status")
	h := status.New(nil)
	h.Set(demo.ApplianceHost, func(resource string) status.Answer {
		if resource == "db" {
			return status.Bad
		}
		return status.Good
	})
	o := options()
	o.Status = h
	o.Access = &access.Config{Users: []access.User{{Name: status.User, Hash: entry.Hash, Scopes: []string{"status"}}}}
	ours := start(t, o)
	emulator := demo.NewAppliance(demo.ApplianceOptions{Key: key})
	require.NoError(t, emulator.SetBroken("db", true))
	theirs := httptest.NewServer(emulator)
	defer theirs.Close()
	raw := func(address, path string) string {
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer c.Close()
		r, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
		require.NoError(t, err)
		r.SetBasicAuth(status.User, key)
		r.Close = true
		require.NoError(t, r.Write(c))
		b, err := io.ReadAll(bufio.NewReader(c))
		require.NoError(t, err)
		return dateOf.ReplaceAllString(string(b), "")
	}
	for _, path := range []string{"/status/cpu", "/status/db", "/health/status/replicaset", "/health/status/db"} {
		require.Equal(t, raw(theirs.Listener.Addr().String(), path), raw(ours.Addresses()[0].String(), path))
	}

	// So is the 429 of the credential's own limit.
	none, once := 1e-9, 1
	o.Access.Users[0].RateLimit = access.RateLimit{PerSecond: &none, Burst: &once}
	ours = start(t, o)
	raw(ours.Addresses()[0].String(), "/status/cpu")
	var limited string
	for begin := time.Now(); !strings.Contains(limited, " 429 ") && time.Since(begin) < time.Minute; {
		limited = raw(theirs.Listener.Addr().String(), "/status/cpu")
	}
	require.Equal(t, limited, raw(ours.Addresses()[0].String(), "/status/cpu"))
}
