package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	packsnmp "github.com/idp-exporter/idp_exporter/internal/pack/snmp"
)

// snmpPack returns the files of alerts/snmp, and a folder with all MIBs.
func snmpPack(t *testing.T) (files map[string]string, mibs, module string) {
	t.Helper()
	site, err := pack.New("", "", "")
	require.NoError(t, err)
	made, err := packsnmp.Files(site)
	require.NoError(t, err)
	files = map[string]string{}
	for name, content := range made {
		files[name] = string(content)
	}
	module = site.MIB.Module
	return files, netsnmp.MIBs(t, map[string][]byte{module: made[module+".txt"]}), module
}

// packTrapd starts snmptrapd with the example configuration.
func packTrapd(t *testing.T, configuration, mibs, module string, options ...string) (*netsnmp.Daemon, string) {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	log := filepath.Join(dir, "log")
	args := append([]string{
		"-f", "-Lf", log, "-n", "-C", "-c", writeFile(t, dir, "snmptrapd.conf", configuration),
		"-M", mibs, "-m", module + ":SNMPv2-MIB", "-x", filepath.Join(dir, "agentx"), "-p", filepath.Join(dir, "pid"),
	}, options...)
	d := netsnmp.Start(t, netsnmp.Command(t, "snmptrapd", append(args, "udp:127.0.0.1:"+port)...), log)
	d.Wait("NET-SNMP version")
	return d, "127.0.0.1:" + port
}

// packAlert is an alert of Alertmanager; its text has what shells and perl
// would make something of.
func packAlert(severity, text string, firing bool) string {
	status, ends := "firing", "0001-01-01T00:00:00Z"
	now := time.Now().UTC().Format(time.RFC3339Nano)
	if !firing {
		status, ends = "resolved", now
	}
	return fmt.Sprintf(`{"status":%q,"labels":{"alertname":"Pack-%s","severity":%q,"instance":"shop"},"annotations":{"summary":%q},"startsAt":%q,"endsAt":%q}`,
		status, severity, severity, text, now, ends)
}

// TestPackSNMPSnmptrapdLoadsTheExample has a real snmptrapd take the exporter's
// notifications in every version with the configuration that is shipped.
func TestPackSNMPSnmptrapdLoadsTheExample(t *testing.T) {
	t.Parallel()
	files, mibs, module := snmpPack(t)
	example := files["snmptrapd.conf"]
	// The lines for v3 informs as an operator would put them into force; the engine of traps is known at start only.
	for _, c := range [][2]string{
		{`#createUser idp_exporter SHA-256 "AUTH-PASSWORD" AES "PRIV-PASSWORD"`, `createUser idp_exporter SHA-256 "auth-of-the-test" AES "priv-of-the-test"`},
		{"#authUser", "authUser"},
		{"#createUser -e 0xENGINE-ID", "createUser -e 0x80007ed904746573742d656e67696e65"},
		{`"AUTH-PASSWORD" AES "PRIV-PASSWORD"`, `"auth-of-the-test" AES "priv-of-the-test"`},
		{"/usr/sbin/snmptthandler", "/bin/true"},
	} {
		require.Contains(t, example, c[0])
		example = strings.ReplaceAll(example, c[0], c[1])
	}
	d, address := packTrapd(t, example, mibs, module)
	destination := func(name, more string) string {
		return "  - {name: " + name + ", kind: snmp, destinations: [{name: local, address: '" + address + "'" + more + "}]}\n"
	}
	v3 := ", version: v3, v3: {user: idp_exporter, auth_password: auth-of-the-test, priv_password: priv-of-the-test}"
	e := serve(t, farProbe+"alarms: {heartbeat: 1s}\nbridges:\n"+destination("one", ", version: v1")+destination("two", "")+
		destination("inform", ", inform: true")+destination("three", v3+", inform: true"))
	e.alerts(packAlert("major", "größer als 5 s", true))
	raised := regexp.MustCompile(`idpAlarmName\.0 = STRING: Pack-major\t[^\n]*idpAlarmSeverity\.0 = INTEGER: major\(4\)\t[^\n]*idpAlarmText\.0 = STRING: größer als 5 s`)
	eventually(t, 30*time.Second, func() error {
		log := d.Log()
		if got := len(raised.FindAllString(log, -1)); got < 4 {
			return fmt.Errorf("%d of 4 notifications of the alarm, in\n%s", got, tail(log, 3000))
		}
		if !strings.Contains(log, " IDP-EXPORTER-MIB::idpExporterMIB Enterprise Specific IDP-EXPORTER-MIB::idpAlarmRaise ") {
			return fmt.Errorf("no trap of v1 by its name in\n%s", tail(log, 3000))
		}
		if !strings.Contains(log, "idpHeartbeat") {
			return fmt.Errorf("no heartbeat")
		}
		return nil
	})
	require.NotContains(t, d.Log(), "Warning", "snmptrapd found something wrong with the example")
	require.NotContains(t, d.Log(), "Error")
}

// TestPackSNMPSnmpttFormatsOurTraps sends real notifications through a real
// snmptrapd, snmptthandler and snmptt.
func TestPackSNMPSnmpttFormatsOurTraps(t *testing.T) {
	t.Parallel()
	snmptt, handler := counterpart(t, "snmptt"), counterpart(t, "snmptthandler")
	if _, err := os.Stat("/usr/bin/perl"); err != nil {
		t.Skip("no perl here: snmptt is written in it")
	}
	base := filepath.Dir(filepath.Dir(filepath.Dir(snmptt)))
	library := filepath.Join(base, "usr/share/perl5")
	if _, err := os.Stat(filepath.Join(library, "Net/IP.pm")); err != nil {
		t.Skip("libconfig-inifiles-perl and libnet-ip-perl are not here: run test/setup where Debian's packages can be reached")
	}
	files, mibs, module := snmpPack(t)
	dir := t.TempDir()
	spool := filepath.Join(dir, "spool")
	require.NoError(t, os.Mkdir(spool, 0o700))

	// An EXEC as in the examples, into a file instead of the system's log.
	events := strings.ReplaceAll(files["snmptt.conf"], "#EXEC /usr/bin/logger -t idp-trap", "EXEC "+filepath.Join(dir, "exec"))
	require.NotContains(t, events, "#EXEC")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "exec"), []byte("#!/bin/sh\nprintf '%s\\n' \"$*\" >>"+filepath.Join(dir, "executed")+"\n"), 0o700))

	// The lines that are shipped, in Debian's own snmptt.ini.
	ini, err := os.ReadFile(filepath.Join(base, "etc/snmp/snmptt.ini"))
	require.NoError(t, err)
	shipped := strings.NewReplacer("/var/spool/snmptt/", spool+"/", "/var/log/snmptt/", dir+"/").Replace(files["snmptt.ini"])
	shipped = strings.ReplaceAll(shipped, "/etc/snmp/snmptt-idp.conf", writeFile(t, dir, "snmptt.conf", events))
	settings := shipped + "daemon_fork = 0\ndaemon_uid =\nsyslog_enable = 0\nsyslog_system_enable = 0\npid_file = " + filepath.Join(dir, "pid") + "\n"
	text := string(ini)
	for _, m := range regexp.MustCompile(`(?m)^(\w+) = ?(.*)$`).FindAllStringSubmatch(settings, -1) {
		if m[2] == "<<END" {
			continue
		}
		line := regexp.MustCompile(`(?m)^` + m[1] + ` =.*$`)
		require.Regexp(t, line, text, "Debian's snmptt.ini knows no %s", m[1])
		text = line.ReplaceAllLiteralString(text, m[1]+" = "+m[2])
	}
	trapFiles := regexp.MustCompile(`(?s)snmptt_conf_files = <<END.*?\nEND`)
	text = trapFiles.ReplaceAllLiteralString(text, trapFiles.FindString(shipped))
	iniFile := writeFile(t, dir, "snmptt.ini", text)

	perl := func(script, arguments string) string {
		return "#!/bin/sh\nPERL5LIB=" + library + " exec /usr/bin/perl " + script + " --ini=" + iniFile + arguments + "\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "handler"), []byte(perl(handler, "")), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "daemon"), []byte(perl(snmptt, " --daemon")), 0o700))
	log := filepath.Join(dir, "snmptt.log")
	d := netsnmp.Start(t, netsnmp.Command(t, filepath.Join(dir, "daemon")), log)

	example := strings.ReplaceAll(files["snmptrapd.conf"], "/usr/sbin/snmptthandler", filepath.Join(dir, "handler"))
	_, address := packTrapd(t, example, mibs, module, "-On")

	// Of this snmptt drops $ and ; and what is not ASCII, and the example the single quote.
	const hostile = `it's "$(touch HOSTILE)" ; touch HOSTILE # $1 $Fz größer`
	severities := []string{"critical", "major", "minor", "warning", "indeterminate"}
	for _, version := range []string{"v1", "v2c"} {
		e := serve(t, farProbe+"alarms: {heartbeat: 1s, severities: {indeterminate: indeterminate}}\nbridges:\n  - {name: console, kind: snmp, destinations: [{name: local, address: '"+address+"', version: "+version+"}]}\n")
		before := len(d.Log())
		var raise, clear []string
		for _, s := range severities {
			raise = append(raise, packAlert(s, version+" "+hostile, true))
			clear = append(clear, packAlert(s, version+" "+hostile, false))
		}
		since := func(wants ...string) {
			t.Helper()
			eventually(t, 30*time.Second, func() error {
				for _, want := range wants {
					if !regexp.MustCompile(want).MatchString(d.Log()[before:]) {
						unknown, _ := os.ReadFile(filepath.Join(dir, "snmpttunknown.log"))
						return fmt.Errorf("no line %s in\n%s\nunknown: %s", want, tail(d.Log()[before:], 3000), tail(string(unknown), 1000))
					}
				}
				return nil
			})
		}
		e.alerts(raise...)
		var wants []string
		for _, s := range severities {
			wants = append(wants, `\.1\.3\.6\.1\.4\.1\.32473\.1\.0\.1 `+strings.ToUpper(s[:1])+s[1:]+` "Status Events" \S+ - Pack-`+s+` on shop: `+version+` it s "\(touch HOSTILE\)"  touch HOSTILE # 1 Fz grer \(id pack-`+s+`-\S+, node `)
		}
		since(append(wants, `\.0\.3 Normal "Status Events" \S+ - idp_exporter is alive \(`)...)
		e.alerts(clear...)
		wants = nil
		for _, s := range severities {
			wants = append(wants, `\.0\.2 Normal "Status Events" \S+ - Pack-`+s+` on shop cleared \(id pack-`+s+`-`)
		}
		since(wants...)
	}
	// What was matched was matched once, by the severity it has.
	for line := range strings.Lines(d.Log()) {
		if m := regexp.MustCompile(`\.0\.1 (\w+) .* - Pack-(\w+) `).FindStringSubmatch(line); m != nil {
			require.Equal(t, m[2], strings.ToLower(m[1]), line)
		}
	}
	eventually(t, 30*time.Second, func() error {
		executed, err := os.ReadFile(filepath.Join(dir, "executed"))
		if err == nil && !strings.Contains(string(executed), `Critical Pack-critical on shop: v2c it s "(touch HOSTILE)"  touch HOSTILE # 1 Fz`) {
			err = fmt.Errorf("EXEC did not run as it should:\n%s", executed)
		}
		return err
	})
	for _, place := range []string{spool, dir, "."} {
		_, err := os.Stat(filepath.Join(place, "HOSTILE"))
		require.ErrorIs(t, err, os.ErrNotExist, "what stood in a trap was run")
	}
}
