package peers

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *syncBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(s, nil)) }

func TestCluster(t *testing.T) {
	t.Parallel()
	const pass, fail, unknown = "pass", "fail", "unknown"
	for _, c := range []struct {
		self   bool
		others []string
		need   int
		ok     bool
		count  string // pass/total/need
	}{
		{true, nil, 0, true, "1/1/1"},
		{false, nil, 0, false, "0/1/1"},
		{true, []string{pass}, 0, true, "2/2/2"},
		{true, []string{fail}, 0, false, "1/2/2"},
		{true, []string{unknown}, 0, false, "1/2/2"},
		{true, []string{fail}, 1, true, "1/2/1"},
		{true, []string{pass, fail}, 0, true, "2/3/2"},
		{false, []string{pass, pass}, 0, true, "2/3/2"},
		{true, []string{unknown, fail}, 0, false, "1/3/2"},
		{false, []string{pass, unknown}, 0, false, "1/3/2"},
		{true, []string{pass, pass}, 3, true, "3/3/3"},
		{true, []string{pass, unknown}, 3, false, "2/3/3"},
		{true, []string{pass, pass, fail}, 0, true, "3/4/3"},
		{true, []string{pass, fail, fail}, 0, false, "2/4/3"},
	} {
		p := &Peers{config: Config{Every: time.Second, Need: c.need, Members: make([]MemberConfig, len(c.others))}}
		for i, s := range c.others {
			m := &member{MemberConfig: MemberConfig{Name: fmt.Sprint("m", i)}}
			if s != unknown {
				m.answer = answer{ok: s == pass, at: time.Now()}
			}
			p.members = append(p.members, m)
		}
		v := p.Cluster(c.self)
		require.Equal(t, c.ok, v.OK, "%+v", c)
		require.Equal(t, c.count, fmt.Sprintf("%d/%d/%d", v.Pass, v.Total, v.Need))
		require.Equal(t, Self, v.Members[0].Name)
		require.Equal(t, c.self, v.Members[0].OK)
		for i, s := range c.others {
			require.Equal(t, s, v.Members[i+1].State())
		}
	}
}

func TestNilPeers(t *testing.T) {
	t.Parallel()
	var p *Peers
	for _, self := range []bool{true, false} {
		v := p.Cluster(self)
		require.Equal(t, self, v.OK)
		require.Len(t, v.Members, 1)
		require.Equal(t, 1, v.Total)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, p.Run(ctx))
}

// An answer counts for three intervals; a question without an answer leaves it,
// a second one in a row does not.
func TestHowLongAnAnswerCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Options{Config: Config{Members: []MemberConfig{{Name: "m", URL: "http://192.0.2.1"}}}})
		require.NoError(t, err)
		m := p.members[0]
		state := func() string { return find(t, p, "m").State() + " " + find(t, p, "m").Problem }
		require.Equal(t, "unknown pending", state())
		require.False(t, p.note(m, true, ""))
		require.Equal(t, "pass ", state())
		time.Sleep(3 * DefaultEvery)
		require.Equal(t, "pass ", state())
		time.Sleep(time.Nanosecond)
		require.Equal(t, "unknown stale", state())

		require.False(t, p.note(m, false, ""))
		require.Equal(t, "fail ", state())
		require.True(t, p.note(m, false, ProblemTimeout), "the first miss")
		require.Equal(t, "fail timeout", state())
		require.False(t, p.note(m, false, ProblemConnect))
		require.Equal(t, "unknown connect", state())
		time.Sleep(time.Hour)
		require.False(t, p.note(m, true, ""))
		require.Equal(t, "pass ", state())
		require.True(t, p.note(m, false, ProblemTLS))
		time.Sleep(4 * DefaultEvery)
		require.Equal(t, "unknown tls", state())
	})
}

// Members are asked at their interval, and a reload that changes nothing for
// one keeps its answer.
func TestSet(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	a := exporter(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte("OK"))
	}))
	hang := make(chan struct{})
	b := exporter(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		_, _ = w.Write([]byte("OK"))
	}))
	t.Cleanup(func() { close(hang) })
	conf := Config{Every: patience, Timeout: patience, Members: []MemberConfig{{Name: "a", URL: a}, {Name: "b", URL: b}}}
	p := run(t, conf)
	first := until(t, p, "a", func(m Member) bool { return m.OK })
	require.EqualValues(t, 1, asked.Load())

	// b is being asked for a minute; a reload does not wait for that.
	next := conf
	next.Members = []MemberConfig{{Name: "a", URL: a + "/", Token: secret.New("x")}, {Name: "c", URL: b}}
	next.Need = 1
	require.NoError(t, p.Set(next))
	v := p.Cluster(false)
	require.True(t, v.OK)
	require.Equal(t, 1, v.Need)
	require.Len(t, v.Members, 3)
	require.True(t, v.Members[1].OK)
	require.False(t, v.Members[1].At.Before(first.At))
	require.Equal(t, "c", v.Members[2].Name)
	require.Equal(t, ProblemPending, v.Members[2].Problem)
	until(t, p, "a", func(m Member) bool { return m.At.After(first.At) })

	// What cannot be is refused as a whole.
	err := p.Set(Config{Members: []MemberConfig{{Name: "self", URL: "nonsense"}}})
	require.ErrorContains(t, err, "peers.members[0].url: ")
	require.ErrorContains(t, err, "peers.members[0].name: ")
	require.Len(t, p.Cluster(true).Members, 3)

	// Another TLS setting is another way to see it.
	next.Members[0].TLS.InsecureSkipVerify = true
	next.Every, next.Timeout = time.Second, time.Second
	require.NoError(t, p.Set(next))
	before := asked.Load()
	require.Eventually(t, func() bool { return asked.Load() >= before+3 }, patience, 10*time.Millisecond)
	require.NoError(t, p.Set(Config{}))
	require.Equal(t, Verdict{OK: true, Pass: 1, Total: 1, Need: 1}, bare(p.Cluster(true)))
}

func bare(v Verdict) Verdict {
	v.Members = nil
	return v
}

func TestSameMember(t *testing.T) {
	t.Parallel()
	build := func(m MemberConfig) *member {
		all, err := build(Config{Members: []MemberConfig{m}}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		return all[0]
	}
	base := MemberConfig{Name: "m", URL: "https://h.example"}
	for _, c := range []struct {
		same   bool
		change func(*MemberConfig)
	}{
		{true, func(m *MemberConfig) { m.URL = "https://H.example:443/" }},
		{true, func(m *MemberConfig) { m.Token = secret.New("other") }},
		{false, func(m *MemberConfig) { m.URL = "http://h.example" }},
		{false, func(m *MemberConfig) { m.URL = "https://h.example/x" }},
		{false, func(m *MemberConfig) { m.Name = "n" }},
		{false, func(m *MemberConfig) { m.TLS.ServerName = "x" }},
		{false, func(m *MemberConfig) { m.Proxy = "env" }},
	} {
		changed := base
		c.change(&changed)
		require.Equal(t, c.same, build(changed).same(build(base)), "%+v", changed)
	}
}

// Reloads, questions and the end may come at the same time.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	url := exporter(t, says(200, "OK"))
	p, err := New(Options{Config: quick(MemberConfig{Name: "m", URL: url})})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 50 {
				if j == 25 && i == 0 {
					cancel()
				}
				if err := p.Set(quick(MemberConfig{Name: fmt.Sprint("m", j%2), URL: url})); err != nil {
					t.Error(err)
				}
				_ = p.Cluster(true)
			}
		})
	}
	wg.Wait()
	require.NoError(t, <-done)
	require.Error(t, p.Run(t.Context()))
}

func BenchmarkCluster(b *testing.B) {
	p, err := New(Options{Config: Config{Members: many(4)}})
	require.NoError(b, err)
	for b.Loop() {
		_ = p.Cluster(true)
	}
}
