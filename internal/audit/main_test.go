package audit

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("AUDIT_TEST_CHILD"); path != "" {
		child(path)
		return
	}
	goleak.VerifyTestMain(m)
}

var (
	drain  = Record{Event: EventDrain, Actor: Actor{"ops", "token"}, From: netip.MustParseAddr("192.0.2.7"), Method: "POST", Route: "/-/drain", Target: "n1"}
	scrape = Record{Event: EventAccess, Actor: Actor{"prometheus", "token"}, From: netip.MustParseAddr("192.0.2.8"), Method: "GET", Route: "/metrics", Target: "/metrics"}
)

// shown is a line as its readers see it.
type shown struct {
	Seq       uint64
	Time      string
	Event     string
	Outcome   string
	Actor     string
	ActorKind string `json:"actor_kind"`
	From      string
	Method    string
	Route     string
	Target    string
	Detail    string
	Dropped   uint64
	Torn      *torn
	Prev      string
}

// options are for a file in a folder of the test.
func options(t *testing.T) Options {
	return Options{Config: Config{File: &FileConfig{Path: filepath.Join(t.TempDir(), "audit.jsonl")}}, Detail: "test"}
}

func open(t *testing.T, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// files are all files of the trail, oldest first.
func files(t *testing.T, o Options) []string {
	t.Helper()
	rotated, err := filepath.Glob(o.Config.File.Path + ".*")
	require.NoError(t, err)
	slices.Sort(rotated)
	return append(rotated, o.Config.File.Path)
}

func verified(t *testing.T, o Options) Report {
	t.Helper()
	r, err := VerifyFiles(files(t, o), VerifyOptions{})
	require.NoError(t, err)
	return r
}

// sound requires a trail without a break.
func sound(t *testing.T, o Options) Report {
	t.Helper()
	r := verified(t, o)
	require.Empty(t, r.Problems)
	return r
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// records parses every line of the trail.
func records(t *testing.T, o Options) []shown {
	t.Helper()
	var all []byte
	for _, path := range files(t, o) {
		all = append(all, read(t, path)...)
	}
	return parseAll(t, all)
}

func parseAll(t *testing.T, all []byte) []shown {
	t.Helper()
	var list []shown
	for text := range bytes.Lines(all) {
		var s shown
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&s), "%q", text)
		list = append(list, s)
	}
	return list
}
