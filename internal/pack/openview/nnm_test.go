package openview

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// nnmEvent is one of trapd.conf.
type nnmEvent struct{ Name, OID, Category, Severity, Format, Description string }

var eventLine = regexp.MustCompile(`^EVENT (\w+) (\.[0-9.]+) "([^"]+)" (\w+)$`)

// parseTrapd reads trapd.conf strictly: version, categories, and events with
// FORMAT and a description, in that order.
func parseTrapd(content string) ([]nnmEvent, string) {
	lines := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	if lines[0] != "VERSION 3" {
		return nil, "the first line is not VERSION 3"
	}
	categories := map[string]bool{}
	var events []nnmEvent
	seen := map[string]bool{}
	for i := 1; i < len(lines); i++ {
		line := lines[i]
		if strings.HasPrefix(line, "#") {
			continue
		}
		if m := regexp.MustCompile(`^CATEGORY (\d+) "([^"]+)"$`).FindStringSubmatch(line); m != nil {
			categories[m[2]] = true
			continue
		}
		m := eventLine.FindStringSubmatch(line)
		switch {
		case m == nil:
			return nil, "no such line: " + line
		case !categories[m[3]]:
			return nil, "category " + m[3] + " is not declared"
		case !regexp.MustCompile(`^(Normal|Warning|Minor|Major|Critical)$`).MatchString(m[4]):
			return nil, m[4] + " is no severity"
		case seen[m[1]] || seen[m[2]]:
			return nil, m[1] + " is there twice"
		case len(lines) < i+5:
			return nil, m[1] + " has no end"
		}
		seen[m[1]], seen[m[2]] = true, true
		format, ok := strings.CutPrefix(lines[i+1], "FORMAT ")
		if !ok || lines[i+2] != "SDESC" || lines[i+4] != "EDESC" || regexp.MustCompile(`\$(1[2-9]|0|$|\D)`).MatchString(format) {
			return nil, "FORMAT or SDESC of " + m[1]
		}
		events = append(events, nnmEvent{m[1], m[2], m[3], m[4], format, lines[i+3]})
		i += 4
	}
	return events, ""
}

func TestTrapdConf(t *testing.T) {
	t.Parallel()
	site, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "")
	text := string(files["nnm/trapd.conf"])
	events, wrong := parseTrapd(text)
	require.Empty(t, wrong)
	require.Len(t, events, 3)
	for i, n := range site.MIB.Notifications() {
		require.Equal(t, []string{n.Name, "." + n.OID.String(), n.Description}, []string{events[i].Name, events[i].OID, events[i].Description})
	}
	require.Equal(t, []string{"Major", "$2 on $4: $5 (id $1)"}, []string{events[0].Severity, events[0].Format})
	require.Equal(t, []string{"Normal", "$2 on $4 cleared (id $1)"}, []string{events[1].Severity, events[1].Format})
	for from, to := range map[string]string{
		"VERSION 3": "VERSION 4", "CATEGORY 4": "CATEGORY", `4 "Status Events"`: `4 "Status"`, " Major": " Bad", "FORMAT": "FORMATS", "\nEDESC": "",
		"EVENT corpAlarmClear": "EVENT corpAlarmRaise", "$5": "$12", "SDESC": "DESC", ".9999.5.7.0.2": ".9999.5.7.0.1",
	} {
		require.Contains(t, text, from)
		_, wrong := parseTrapd(strings.Replace(text, from, to, 1))
		require.NotEmpty(t, wrong, "%s for %s", to, from)
	}
}

// perlTool returns a command of Debian's snmptt.
func perlTool(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	base, err := filepath.Abs("../../../.cache/debian")
	require.NoError(t, err)
	tool := filepath.Join(base, "usr/sbin", name)
	if _, err := os.Stat(tool); err != nil {
		t.Skipf("%s is not here: run test/setup where Debian's packages can be reached", name)
	}
	if _, err := os.Stat("/usr/bin/perl"); err != nil {
		t.Skip("no perl here: snmptt is written in it")
	}
	library := filepath.Join(base, "usr/share/perl5")
	if _, err := os.Stat(filepath.Join(library, "Config/IniFiles.pm")); err != nil {
		t.Skip("libconfig-inifiles-perl is not here: run test/setup where Debian's packages can be reached")
	}
	c := netsnmp.Command(t, "snmptranslate") // for its surroundings
	c.Path, c.Args = "/usr/bin/perl", append([]string{"perl", tool}, args...)
	c.Env = append(c.Env, "PERL5LIB="+library, "PATH="+filepath.Join(base, "usr/bin")+":"+os.Getenv("PATH"))
	return c
}

// snmpttconvertmib makes the same events of the module as the pack.
func TestConvertedModuleIsTheSame(t *testing.T) {
	t.Parallel()
	site, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "")
	events, wrong := parseTrapd(string(files["nnm/trapd.conf"]))
	require.Empty(t, wrong)
	dir := netsnmp.MIBs(t, map[string][]byte{site.MIB.Module: mib.Generate(site.MIB)})
	out := filepath.Join(t.TempDir(), "out")
	c := perlTool(t, "snmpttconvertmib", "--in="+filepath.Join(dir, site.MIB.Module), "--out="+out)
	c.Env = append(c.Env, "MIBDIRS="+dir, "MIBS=+"+site.MIB.Module)
	printed := netsnmp.Output(t, c)
	content, err := os.ReadFile(out)
	require.NoError(t, err, printed)
	converted := regexp.MustCompile(`(?m)^EVENT (\w+) (\S+) "([^"]+)" (\w+)\nFORMAT (.*)$`).FindAllStringSubmatch(string(content), -1)
	require.Len(t, converted, len(events), "%s\n%s", printed, content)
	for i, e := range events {
		a, err := annotated(string(mib.Generate(site.MIB)), site.MIB.Notifications()[i])
		require.NoError(t, err)
		require.Equal(t, []string{e.Name, e.OID, e.Category, a.Annotated, a.Type + ": " + e.Format}, converted[i][1:])
	}
}

// snmptt loads trapd.conf and formats notifications with it.
func TestSnmpttReadsTrapdConf(t *testing.T) {
	t.Parallel()
	site, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "")
	dir := t.TempDir()
	conf, ini := filepath.Join(dir, "trapd.conf"), filepath.Join(dir, "snmptt.ini")
	require.NoError(t, os.WriteFile(conf, files["nnm/trapd.conf"], 0o600))
	require.NoError(t, os.WriteFile(ini, []byte("[General]\nmode = standalone\ndns_enable = 0\nnet_snmp_perl_enable = 0\n[Logging]\nstdout_enable = 1\nlog_enable = 0\n"+
		"syslog_enable = 0\nsyslog_system_enable = 0\nunknown_trap_log_enable = 0\nstatistics_interval = 0\n[TrapFiles]\nsnmptt_conf_files = <<END\n"+conf+"\nEND\n"), 0o600))
	for i, want := range []string{
		`.0.1 Major "Status Events" host.example - login on shop: timeout (id a1b2)`,
		`.0.2 Normal "Status Events" host.example - login on shop cleared (id a1b2)`,
		`.0.3 Normal "Status Events" host.example - login: timeout`,
	} {
		c := perlTool(t, "snmptt", "--ini="+ini)
		trap := "host.example\nUDP: [192.0.2.1]:5000->[192.0.2.2]:162\n.1.3.6.1.2.1.1.3.0 0:0:01:00.00\n.1.3.6.1.6.3.1.1.4.1.0 ." + site.MIB.Notifications()[i].OID.String() + "\n"
		for j, v := range []string{"a1b2", "login", "4", "shop", "timeout"} {
			trap += "." + site.MIB.Carried()[j].OID.String() + " " + v + "\n"
		}
		c.Stdin = strings.NewReader(trap)
		require.Contains(t, netsnmp.Output(t, c), site.MIB.Base.String()+want)
	}
}
