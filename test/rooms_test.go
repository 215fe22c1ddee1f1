// Package test holds what looks at the project as a whole: the rules of its
// rooms, and end-to-end tests of the built binary against real counterparts.
package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/idp-exporter/idp_exporter/"

// rooms says which of the project's own packages each room may import.
// CONTRIBUTING.md explains why. A room that is not listed may import nothing.
var rooms = []struct {
	room string
	may  []string
}{
	// The longest prefix decides.
	{"probes", []string{"probes", "internal/fetch", "internal/secret", "internal/expect"}},
	{"probes/host", []string{"probes", "internal/host"}},
	{"internal/host", nil},
	{"internal/status", []string{"internal/host", "internal/state", "probes"}},
	{"collector", []string{"collector", "probes", "internal/alarm", "internal/audit", "internal/discover", "internal/host", "internal/peers", "internal/state", "internal/watchdog", "internal/web/access"}},
	{"internal/secret", nil},
	{"internal/fetch", []string{"internal/fetch", "internal/secret"}},
	{"internal/expect", nil},
	{"internal/logging", nil},
	{"internal/demo", []string{"internal/demo"}},
	{"internal/audit", []string{"probes", "internal/oneway", "internal/secret", "internal/syslog"}},
	{"internal/alarm", []string{"bridges", "probes"}},
	{"internal/oneway", nil},
	{"internal/syslog", nil},
	{"bridges", []string{"bridges", "probes", "internal/fetch", "internal/oneway", "internal/secret", "internal/syslog"}},
	{"internal/store", []string{"bridges", "probes", "internal/alarm", "internal/state", "internal/maintenance"}},
	{"internal/pack", []string{"bridges", "docs", "internal/pack", "probes"}},
	{"dashboards", nil},
	{"internal/dashboards", []string{"dashboards", "internal/dashboards"}},
	{"alerts", nil},
	{"docs", nil},
	{"examples", nil},
	{"internal/assets", []string{"alerts", "dashboards", "docs", "examples", "internal/pack"}},
	{"internal/netsnmp", []string{"bridges", "probes"}},
	{"internal/preset", []string{"internal/fetch", "probes"}},
	{"internal/preset/starter", []string{"internal/config/strict", "internal/fetch", "internal/preset"}},
	{"internal/maintenance", []string{"probes"}},
	{"internal/balancer", nil},
	{"internal/discover", []string{"probes"}},
	{"internal/peers", []string{"internal/fetch", "internal/secret", "probes"}},
	{"internal/watchdog", nil},
	{"internal/client", []string{"internal/secret"}},
	{"internal/state", []string{"probes"}},
	{"internal/schedule", []string{"probes", "internal/state"}},
	{"internal/config/strict", []string{"internal/secret"}},
	{"internal/config", []string{"bridges", "internal/alarm", "internal/audit", "internal/config", "internal/discover", "internal/fetch", "internal/maintenance", "internal/peers", "internal/preset", "internal/secret", "internal/state", "internal/status", "internal/web/access", "probes"}},
	{"internal/web/access", []string{"probes", "internal/secret"}},
	{"internal/web", []string{"internal/audit", "internal/balancer", "internal/maintenance", "internal/alarm", "internal/peers", "internal/status", "internal/web", "internal/state", "probes"}},
	{"internal/app", []string{"bridges", "internal", "probes", "collector"}},
	{"cmd", []string{"internal/app", "internal/assets", "internal/pack", "internal/audit", "internal/client", "internal/config", "internal/logging", "internal/demo", "internal/preset", "internal/secret", "internal/web", "probes"}},
	{"test", []string{"bridges", "internal", "probes", "collector"}},
}

// foreign says which libraries a room must leave to others.
var foreign = map[string][]string{
	"probes":         {"github.com/prometheus/", "github.com/alecthomas/kingpin", "github.com/go-kit/"},
	"internal/state": {"github.com/prometheus/", "net/http"},
	"collector":      {"go.yaml.in/", "github.com/alecthomas/kingpin"},
	"cmd":            {"github.com/prometheus/client_golang"},
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		own := strings.TrimPrefix(p.ImportPath, module)
		room, may := roomOf(own)
		if room == "" {
			t.Errorf("%s belongs to no room: add it to the rules and to CONTRIBUTING.md", own)
			continue
		}
		for _, i := range p.Imports {
			if theirs, ours := strings.CutPrefix(i, module); ours {
				if !under(theirs, may) {
					t.Errorf("%s imports %s; %s may import only %v", own, theirs, room, may)
				}
			} else if under(i, foreign[room]) {
				t.Errorf("%s imports %s, which is not the business of %s", own, i, room)
			}
		}
	}
}

func roomOf(path string) (string, []string) {
	room, may := "", []string(nil)
	for _, r := range rooms {
		if under(path, []string{r.room}) && len(r.room) > len(room) {
			room, may = r.room, r.may
		}
	}
	return room, may
}

func under(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if path == p || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		all = append(all, p)
	}
	require.NotEmpty(t, all)
	return all
}
