package collector

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScrapesShareAMoment(t *testing.T) {
	t.Parallel()
	var taken atomic.Int32
	finish := make(chan struct{})
	s := &shared{take: func() *moment {
		taken.Add(1)
		<-finish
		return &moment{}
	}}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			_, release := s.get()
			release()
		})
	}
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.current != nil && s.current.users == 10
	}, time.Minute, time.Millisecond)
	close(finish)
	wg.Wait()
	require.Equal(t, int32(1), taken.Load())
	require.Nil(t, s.current)
}

// What is still being sent is shared for no longer than a second.
func TestSharedMomentAges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shared{take: func() *moment { return &moment{err: io.EOF} }}
		first, releaseFirst := s.get()
		second, releaseSecond := s.get()
		require.Same(t, first, second)
		releaseSecond()
		time.Sleep(maxShared + time.Millisecond)
		third, releaseThird := s.get()
		require.NotSame(t, first, third)
		releaseFirst()
		fourth, releaseFourth := s.get()
		require.Same(t, third, fourth)
		releaseThird()
		releaseFourth()
		fifth, release := s.get()
		require.NotSame(t, third, fifth)
		release()
	})
}

func TestPanicOfTakingLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := &shared{take: func() *moment { panic("at the taking") }}
	require.Panics(t, func() { s.get() })
	require.Nil(t, s.current)
}

// held keeps its scrape until released.
type held struct {
	discard
	begun, release chan struct{}
	once           *sync.Once
}

func (h held) Write(p []byte) (int, error) {
	h.once.Do(func() { close(h.begun) })
	<-h.release
	return len(p), nil
}

func TestTooManyScrapes(t *testing.T) {
	t.Parallel()
	m, _ := filled(true)
	h := m.Handler()
	var wg sync.WaitGroup
	release := make(chan struct{})
	for range maxScrapes {
		w := held{discard{http.Header{}}, make(chan struct{}), release, new(sync.Once)}
		wg.Go(func() { h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil)) })
		<-w.begun
	}
	require.Equal(t, http.StatusServiceUnavailable, scrape(t, h, "text/plain").Code)
	close(release)
	wg.Wait()
	require.Equal(t, http.StatusOK, scrape(t, h, "text/plain").Code)
}

func TestCompression(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "deflate, gzip;q=0.5": true, "gzip;q=0": false, "identity": false, "*": false, "gzip;q=0.5, identity": false,
		"gzip, identity;q=0.5": true, "zstd": false, "gzip;q=x": false, ";;, gzip": true,
	} {
		require.Equal(t, want, acceptsGzip(http.Header{"Accept-Encoding": {accept}}), accept)
	}
	m, _ := filled(true)
	h := m.Handler()
	for range 2 { // the second with used buffers
		r := httptest.NewRequest(http.MethodGet, "/metrics?name[]=idp_probe_success&name[]=idp_testall_pass", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
		require.Equal(t, []string{"Accept", "Accept-Encoding"}, w.Header()["Vary"])
		unzipped, err := gzip.NewReader(w.Body)
		require.NoError(t, err)
		body, err := io.ReadAll(unzipped)
		require.NoError(t, err)
		require.Equal(t, `# HELP idp_probe_success Whether the last conclusive run of the probe passed, warnings included.
# TYPE idp_probe_success gauge
idp_probe_success{kind="http",node="",probe="page"} 0
idp_probe_success{kind="login",node="n1",probe="sign-in"} 1
idp_probe_success{kind="login",node="n3",probe="sign-in"} 1
idp_probe_success{kind="rule",node="",probe="crm \"claim\"\n"} 0
# HELP idp_testall_pass The verdict of the whole: whether /testall answers OK.
# TYPE idp_testall_pass gauge
idp_testall_pass 0
`, string(body))
	}
}
