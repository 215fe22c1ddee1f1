package tivoli

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
)

var (
	rowsOf = regexp.MustCompile(`for each row heartbeat in alerts\.status where heartbeat\.AlertGroup = '([^']+)' and heartbeat\.Type = (\d+) and heartbeat\.LastOccurrence < getdate\(\) - (\d+)\n`)
	sets   = regexp.MustCompile(`(?m)^    set heartbeat\.(\w+) = (?:(\d+)|'([^']*)' \+ heartbeat\.(\w+));$`)
)

// The automation makes a problem of a heartbeat that stops before it expires,
// and the next heartbeat undoes it.
func TestLostHeartbeat(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	sql := string(files["objectserver/idp_exporter.sql"])
	where := rowsOf.FindStringSubmatch(sql)
	require.NotNil(t, where)
	assignments := sets.FindAllStringSubmatch(sql, -1)
	require.Len(t, assignments, strings.Count(sql, "\n    set "))
	require.Equal(t, 2, strings.Count(sql, "begin\n"))
	require.Equal(t, 2, strings.Count(sql, "end;\n"))
	require.Equal(t, 3, strings.Count(sql, "\ngo\n"))
	require.Regexp(t, `(?s)delete from alerts\.conversions where KeyField = 'Class40999';\ngo\n.*insert into alerts\.conversions values \('Class40999','Class',40999,`, sql)
	require.Contains(t, sql, "\ngroup primary_only\n")
	seconds, err := strconv.Atoi(where[3])
	require.NoError(t, err)
	lostRow := func(server *nco.Server, now int) {
		for _, r := range server.Standing() {
			if r.Fields["AlertGroup"] != where[1] || r.Fields["Type"] != where[2] || r.Last >= now-seconds {
				continue
			}
			for _, a := range assignments {
				require.Contains(t, r.Fields, a[1], "the column is one of what the rules set")
				r.Fields[a[1]] = a[2]
				if a[4] != "" {
					r.Fields[a[1]] = a[3] + r.Fields[a[4]]
				}
			}
		}
	}
	beat := func() nco.Row { return trapped(t, trapRules(t, files, "idp"), "v2c", "", beatOf("exporter1"))[0] }
	server := nco.NewServer()
	now := 0
	pass := func(n int) {
		for range n / 60 {
			now += 60
			server.Pass(60)
			lostRow(server, now)
		}
	}
	server.Insert(beat())
	pass(900)
	require.Equal(t, 1, server.Standing()[0].Number("Severity"), "three intervals are patience enough")
	pass(60)
	require.Equal(t, 5, server.Standing()[0].Number("Severity"))
	require.Equal(t, "No heartbeat of idp_exporter on exporter1", server.Standing()[0].Fields["Summary"])
	pass(24 * 3600)
	require.Len(t, server.Standing(), 1, "it stands until the exporter is back")
	server.Insert(beat())
	pass(60)
	r := server.Standing()
	require.Len(t, r, 1)
	require.Equal(t, []int{1, 13, 1800, 2}, []int{r[0].Number("Severity"), r[0].Number("Type"), r[0].Number("ExpireTime"), r[0].Tally})
	require.Equal(t, "idp_exporter is alive (exporter1)", r[0].Fields["Summary"])
}
