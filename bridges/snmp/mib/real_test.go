package mib_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

func at(t testing.TB, base string) mib.Model {
	t.Helper()
	m, err := mib.New(base)
	require.NoError(t, err)
	return m
}

// models are places and names that the module must be right with.
func models(t testing.TB) []mib.Model {
	long := at(t, "1.3.6.1.4.1.4294967295.1.2.3.4.4294967295")
	long.Module, long.Prefix = "A1-B2-MIB", "aVeryLongPrefix1"
	corp := at(t, "1.3.6.1.4.1.9999.5.7")
	corp.Module, corp.Prefix, corp.Organization, corp.Contact = "CORP-SIGNIN-MIB", "corp", `The "Corp"`, "noc@example.com"
	return []mib.Model{at(t, ""), at(t, "1.3.6.1.4.1.9999"), corp, long}
}

func TestSmilintIsSilent(t *testing.T) {
	t.Parallel()
	for i, m := range models(t) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			folder := netsnmp.MIBs(t, map[string][]byte{m.Module: mib.Generate(m), "smirc": []byte("")})
			require.NoError(t, os.WriteFile(folder+"/smirc", []byte("path "+folder+"\n"), 0o600))
			lint := func(file string) string {
				return netsnmp.Output(t, netsnmp.Command(t, "smilint", "-c", folder+"/smirc", "-l", "9", "-s", "-m", file))
			}
			require.Empty(t, lint(folder+"/"+m.Module))

			// It is no proof unless it speaks of what is wrong.
			broken := strings.Replace(string(mib.Generate(m)), "{ "+m.Prefix+"Counts 1 }", "{ "+m.Prefix+"Counts 2 }", 1)
			require.NoError(t, os.WriteFile(folder+"/broken", []byte(broken), 0o600))
			require.NotEmpty(t, lint(folder+"/broken"))
		})
	}
}

func TestNetSNMPReadsIt(t *testing.T) {
	t.Parallel()
	m := at(t, "1.3.6.1.4.1.9999.5.7")
	folder := netsnmp.MIBs(t, map[string][]byte{m.Module: mib.Generate(m)})
	translate := func(name string) string {
		return strings.TrimSpace(netsnmp.Output(t, netsnmp.Command(t, "snmptranslate", "-M", folder, "-m", m.Module, "-On", m.Module+"::"+name)))
	}
	for _, c := range []struct{ name, oid string }{
		{"idpExporterMIB", ".1.3.6.1.4.1.9999.5.7"},
		{"idpAlarmRaise", ".1.3.6.1.4.1.9999.5.7.0.1"},
		{"idpAlarmClear", ".1.3.6.1.4.1.9999.5.7.0.2"},
		{"idpHeartbeat", ".1.3.6.1.4.1.9999.5.7.0.3"},
		{"idpAlarmId.0", ".1.3.6.1.4.1.9999.5.7.1.1.1.0"},
		{"idpAlarmRunbook.0", ".1.3.6.1.4.1.9999.5.7.1.1.11.0"},
		{"idpActiveSeverity.5", ".1.3.6.1.4.1.9999.5.7.1.2.1.4.5"},
		{"idpActiveCritical.0", ".1.3.6.1.4.1.9999.5.7.1.3.1.0"},
		{"idpProbeVerdict.5", ".1.3.6.1.4.1.9999.5.7.1.4.1.8.5"},
		{"idpVerdict.0", ".1.3.6.1.4.1.9999.5.7.1.5.1.0"},
		{"idpAgent", ".1.3.6.1.4.1.9999.5.7.3.1"},
	} {
		require.Equal(t, c.oid, translate(c.name), c.name)
	}
}
