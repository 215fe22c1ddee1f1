package snmp

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/internal/pack/packtest"
	"github.com/idp-exporter/idp_exporter/probes"
)

func made(t testing.TB, oid, prefix, url string) (pack.Site, map[string][]byte) {
	t.Helper()
	return packtest.Made(t, Files, oid, prefix, url)
}

func TestNothingOfTheDefaultSiteRemains(t *testing.T) {
	t.Parallel()
	_, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "https://wiki.example.com/idp")
	for name, content := range files {
		text := string(content)
		require.NotContains(t, text, "32473", name)
		require.NotContains(t, text, pack.DefaultURL, name)
		require.NotRegexp(t, regexp.MustCompile(`\bidp[A-Z]`), text, name)
	}
	require.Contains(t, string(files["snmptt.conf"]), "EVENT corpAlarmRaiseCritical .1.3.6.1.4.1.9999.5.7.0.1 ")
	require.Contains(t, string(files["traps.md"]), "https://wiki.example.com/idp/docs/bridges/snmp.md")
	require.Contains(t, string(files["snmptrapd.conf"]), "traphandle .1.3.6.1.4.1.9999.5.7.0.3 ")
}

// The table has one line for each variable of each notification, with types and
// values as the module defines them.
func TestTable(t *testing.T) {
	t.Parallel()
	site, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "")
	rows, err := csv.NewReader(strings.NewReader(string(files["traps.csv"]))).ReadAll()
	require.NoError(t, err)
	carried, notifications := site.MIB.Carried(), site.MIB.Notifications()
	require.Len(t, rows, 1+len(carried)*len(notifications))
	for i, row := range rows[1:] {
		n, v := notifications[i/len(carried)], carried[i%len(carried)]
		require.Equal(t, []string{n.Name, n.OID.String(), site.MIB.Base.String()}, row[:3])
		require.Equal(t, v.Name, row[7])
		require.Equal(t, v.OID.String(), row[8])
		require.NotEmpty(t, row[9])
		require.Contains(t, string(files["traps.md"]), v.OID.String())
	}
	severity := rows[3]
	require.Equal(t, "CorpSeverity (INTEGER)", severity[9])
	require.Equal(t, "cleared(1), indeterminate(2), critical(3), major(4), minor(5), warning(6)", severity[10])
	require.Equal(t, "CorpText (OCTET STRING (SIZE (0..1024)))", rows[5][9])
	require.Equal(t, "DateAndTime", rows[6][9])
	require.Contains(t, rows[1][5], "cleared by corpAlarmClear with the same corpAlarmId")
}

// Each severity of a raise is an event that matches the number and the word
// which the MIB has for it.
func TestEvents(t *testing.T) {
	t.Parallel()
	site, files := made(t, "", "", "")
	text := string(files["snmptt.conf"])
	for _, s := range probes.Severities() {
		n := site.MIB.Notifications()[0]
		require.Regexp(t, `EVENT `+n.Name+capital(string(s))+` \.`+regexp.QuoteMeta(n.OID.String())+` "Status Events" `+capital(string(s))+`\n(?:[^E].*\n)+?MATCH \$3: \(\^`+string(s)+`\)\n`, text)
		require.Contains(t, string(files["traps.csv"]), string(s)+"("+string(rune('0'+bridges.ConsoleOf(s).ITU))+")")
	}
	require.Equal(t, len(probes.Severities())+2, strings.Count(text, "\nEVENT "))
	require.Equal(t, "idpAlarmSeverity", site.MIB.Carried()[2].Name, "$3 of snmptt.conf")
}

func TestTheModuleIsTheExportersOwnAndSmilintIsSilent(t *testing.T) {
	t.Parallel()
	site, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "")
	module := files[site.MIB.Module+".txt"]
	require.Equal(t, string(mib.Generate(site.MIB)), string(module))
	dir := netsnmp.MIBs(t, map[string][]byte{site.MIB.Module: module})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "smirc"), []byte("path "+dir+"\n"), 0o600))
	require.Empty(t, netsnmp.Output(t, netsnmp.Command(t, "smilint", "-c", filepath.Join(dir, "smirc"), "-l", "9", "-s", "-m", filepath.Join(dir, site.MIB.Module))))
}

func TestAModuleWithoutTheObjectIsRefused(t *testing.T) {
	t.Parallel()
	_, _, err := syntaxOf("nothing", "idpAlarmId")
	require.ErrorContains(t, err, "idpAlarmId")
}
