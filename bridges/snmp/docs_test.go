package snmp

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/agent"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/agentx"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// The page names every key, and every object with its place.
func TestPageIsWhole(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/bridges/snmp.md")
	require.NoError(t, err)
	page := string(b)
	for _, options := range []any{Options{}, Destination{}, V3{}, agent.Config{}, agentx.Config{}} {
		for f := range reflect.TypeOf(options).Fields() {
			require.Contains(t, page, "`"+f.Tag.Get("yaml")+"`")
		}
	}
	m, err := mib.New("")
	require.NoError(t, err)
	text := string(mib.Generate(m))
	for _, o := range regexp.MustCompile(`(?s)(idp\w+) OBJECT-TYPE.*?MAX-ACCESS  (\S+).*?::= \{ (\S+) (\d+) \}`).FindAllStringSubmatch(text, -1) {
		name, access, parent, arc := o[1], o[2], o[3], o[4]
		place := map[string]string{"idpAlarmVariables": ".1.1.", "idpCounts": ".1.3.", "idpStatus": ".1.5."}[parent]
		switch {
		case place != "":
			require.Contains(t, page, "`"+name+"` | `"+place+arc+".0`")
		case access == "read-only":
			require.Contains(t, page, "`"+name+"`")
		case strings.HasSuffix(name, "Table"):
			require.Contains(t, page, "`"+name+"` | `.1."+arc+"`")
		}
	}
}
