package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// How long a client of the load waits for an answer: an impatient one where a
// node may hang, and one that outlasts a slow machine where nothing may be lost.
const (
	impatient = 1500 * time.Millisecond
	patient   = 20 * time.Second
)

// clientLoad asks through one balancer at a steady rate, however long the
// answers take: every other time for the discovery document, and in between for
// a login whose token is then verified. Nobody tries anything twice.
type clientLoad struct {
	base     string
	patience atomic.Int64
	client   *http.Client
	verifier *oidc.IDTokenVerifier
	stop     chan struct{}
	done     chan struct{}

	mu      sync.Mutex
	current *loadWindow
}

// loadWindow counts the requests that began in a span of time.
type loadWindow struct {
	under sync.WaitGroup

	mu     sync.Mutex
	total  int
	failed map[string]int       // by cause
	by     map[string]int       // answers, by node
	last   map[string]time.Time // the last start of a request by who answered it, "" for failed ones
}

func newLoadWindow() *loadWindow {
	return &loadWindow{failed: map[string]int{}, by: map[string]int{}, last: map[string]time.Time{}}
}

// startClientLoad asks every so often until the test ends.
func startClientLoad(t *testing.T, base, issuer string, every time.Duration) *clientLoad {
	t.Helper()
	// New connections for each request, as most users have.
	l := &clientLoad{
		base: base, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		stop: make(chan struct{}), done: make(chan struct{}), current: newLoadWindow(),
	}
	l.patience.Store(int64(impatient))
	// An application remembers the keys and fetches them anew for a token of a key it does not know.
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), &http.Client{Transport: l.client.Transport, Timeout: patient}), base+demo.PathJWKS)
	l.verifier = oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: demo.ClientID, SupportedSigningAlgs: []string{"ES256"}})
	go l.run(every)
	t.Cleanup(func() {
		close(l.stop)
		<-l.done
		l.cut()
	})
	return l
}

func (l *clientLoad) run(every time.Duration) {
	defer close(l.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		ask := l.discover
		if n%2 == 0 {
			ask = l.login
		}
		l.mu.Lock()
		w := l.current
		w.under.Add(1)
		l.mu.Unlock()
		go func() {
			defer w.under.Done()
			begin := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(l.patience.Load()))
			defer cancel()
			node, err := ask(ctx)
			w.note(begin, node, err)
		}()
	}
}

func (w *loadWindow) note(begin time.Time, node string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total++
	who := node
	if err != nil {
		w.failed[err.Error()]++
		who = ""
	}
	w.by[node]++
	if begin.After(w.last[who]) {
		w.last[who] = begin
	}
}

// cut returns what began since the last cut, when all of it has ended.
func (l *clientLoad) cut() *loadWindow {
	l.mu.Lock()
	w := l.current
	l.current = newLoadWindow()
	l.mu.Unlock()
	w.under.Wait()
	return w
}

// add adds another window, which nothing is counted in any more.
func (w *loadWindow) add(o *loadWindow) {
	w.total += o.total
	for cause, n := range o.failed {
		w.failed[cause] += n
	}
	for node, n := range o.by {
		w.by[node] += n
	}
	for who, at := range o.last {
		if at.After(w.last[who]) {
			w.last[who] = at
		}
	}
}

func (w *loadWindow) failures() (n int) {
	for _, m := range w.failed {
		n += m
	}
	return n
}

// causes tells how many requests failed for what.
func (w *loadWindow) causes() string {
	var parts []string
	for _, cause := range slices.Sorted(maps.Keys(w.failed)) {
		parts = append(parts, fmt.Sprintf("%d %s", w.failed[cause], cause))
	}
	return strings.Join(parts, ", ")
}

func (l *clientLoad) discover(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.base+demo.PathDiscovery, nil)
	if err != nil {
		return "", err
	}
	node, _, err := l.ask(req)
	return node, failedFor("discovery", err)
}

func (l *clientLoad) login(ctx context.Context) (string, error) {
	form := url.Values{
		"grant_type": {demo.GrantTypePassword}, "username": {demo.Username}, "password": {demo.Password}, "scope": {"openid"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+demo.PathToken, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(demo.ClientID, demo.ClientSecret)
	node, body, err := l.ask(req)
	if err != nil {
		return node, failedFor("login", err)
	}
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.Unmarshal(body, &tokens); err != nil {
		return node, errors.New("login: no JSON")
	}
	if _, err := l.verifier.Verify(ctx, tokens.ID); err != nil {
		return node, errors.New("login: token refused")
	}
	return node, nil
}

func (l *clientLoad) ask(req *http.Request) (node string, body []byte, err error) {
	resp, err := l.client.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	node = resp.Header.Get(demo.NodeHeader)
	body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return node, body, err
}

// failedFor makes of an error one of few causes.
func failedFor(what string, err error) error {
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New(what + ": timeout")
	case strings.HasPrefix(err.Error(), "status "):
		return fmt.Errorf("%s: %w", what, err)
	}
	return errors.New(what + ": connection")
}
