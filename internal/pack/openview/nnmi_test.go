package openview

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/netsnmp"
)

// The annotations are within what NNMi loads.
func TestAnnotations(t *testing.T) {
	t.Parallel()
	site, files := made(t, "", "", "")
	module := string(mib.Generate(site.MIB))
	for _, n := range site.MIB.Notifications() {
		a, err := annotated(module, n)
		require.NoError(t, err)
		for _, c := range []struct {
			value string
			most  int
		}{{n.Name, 80}, {n.Description, 4000}, {a.Type, 255}, {a.Summary, 2000}, {a.Arguments, 255}, {a.Annotated, 255}, {a.Category, 80}, {a.State, 80}} {
			require.NotEmpty(t, c.value)
			require.LessOrEqual(t, len(c.value), c.most)
		}
		require.Contains(t, string(files["nnmi/steps.md"]), "| `"+n.Name+"` | "+a.Type+" | `"+a.Summary+"` | ")
	}
	n := site.MIB.Notifications()[0]
	for from, to := range map[string]string{"--#TYPE": "--TYPE", "--#SEVERITY MAJOR": "--#SEVERITY BAD", "{ 1, 3, 4, 0 }": "{ 1, 3 }", n.Name + " NOT": "xAlarmRaise NOT", "{ 1, 3": "{ x, 3"} {
		_, err := annotated(strings.Replace(module, from, to, 1), n)
		require.Error(t, err, to)
	}
}

// translated returns what snmptranslate says of an OID or a name.
func translated(t *testing.T, dir, module, option, of string) string {
	t.Helper()
	c := netsnmp.Command(t, "snmptranslate", option, of)
	c.Env = append(c.Env, "MIBDIRS="+dir, "MIBS="+module)
	out, err := c.Output() // complaints about other modules are on standard error
	require.NoError(t, err, of)
	return strings.TrimSpace(string(out))
}

// What the steps for NNMi say of OIDs, positions, numbers and severities is what
// net-snmp reads in the module and what trapd.conf says.
func TestStepsForNNMi(t *testing.T) {
	t.Parallel()
	site, files := made(t, "1.3.6.1.4.1.9999.5.7", "corp", "")
	for name := range files {
		require.True(t, filepath.Ext(name) != ".conf" || name == "nnm/trapd.conf", "%s: no configuration of NNMi is made, for want of its tags", name)
	}
	steps := string(files["nnmi/steps.md"])
	dir := netsnmp.MIBs(t, map[string][]byte{site.MIB.Module: mib.Generate(site.MIB)})

	named := regexp.MustCompile("`(?:ciaName = )?(\\.1\\.3[0-9.]+)` \\((\\w+)\\)").FindAllStringSubmatch(steps, -1)
	require.Len(t, named, 2)
	for _, n := range named {
		require.Equal(t, site.MIB.Module+"::"+n[2]+".0", translated(t, dir, site.MIB.Module, "-OS", n[1]), n[0])
	}
	raise := translated(t, dir, site.MIB.Module, "-Td", site.MIB.Module+"::corpAlarmRaise")
	variables := regexp.MustCompile(`(?s)OBJECTS\s+\{([^}]*)\}`).FindStringSubmatch(raise)
	require.NotNil(t, variables, raise)
	for i, v := range strings.Split(strings.Join(strings.Fields(variables[1]), ""), ",") {
		require.Equal(t, v == named[0][2], strings.Contains(steps, fmt.Sprintf("By position it is %d |", i+1)), v)
	}

	enumeration := translated(t, dir, site.MIB.Module, "-Td", site.MIB.Module+"::"+named[1][2])
	words := map[string]string{"critical": "Critical", "major": "Major", "minor": "Minor", "warning": "Warning", "indeterminate": "Normal"}
	rows := regexp.MustCompile(`(?m)^   \| (\d) \| (\w+) \|$`).FindAllStringSubmatch(steps, -1)
	require.Len(t, rows, len(words))
	for _, r := range rows {
		m := regexp.MustCompile(`(\w+)\(` + r[1] + `\)`).FindStringSubmatch(enumeration)
		require.NotNil(t, m, enumeration)
		require.Equal(t, words[m[1]], r[2])
	}

	events, wrong := parseTrapd(string(files["nnm/trapd.conf"]))
	require.Empty(t, wrong)
	for _, e := range events {
		require.Contains(t, steps, "   | "+e.Name+" | `"+e.OID+"` | "+e.Severity+" |\n")
	}
	require.NoError(t, nnmiCommands(steps))
	for from, to := range map[string]string{"-loadTraps": "-loadtraps", "nnmincidentcfgdump.ovpl": "nnmincidentdump.ovpl", "-validate FILE": "-validate", "-type SnmpTrapConfig": "-type TrapConfig"} {
		require.Contains(t, steps, from)
		require.Error(t, nnmiCommands(strings.Replace(steps, from, to, 1)), to)
	}
}

// nnmiCommands checks the commands of a page by the SYNOPSIS of the reference
// pages of NNMi 10.30: each option is one of the command's and has its value.
func nnmiCommands(page string) error {
	const name, kind = `[A-Za-z][\w.-]*`, `(MgmtEventConfig|PairwiseConfig|SnmpTrapConfig|SyslogMessageConfig)`
	forms := map[string]map[string]string{
		"nnmloadmib.ovpl":         {"-load": name},
		"nnmincidentcfg.ovpl":     {"-loadTraps": name, "-authorLabel": name, "-authorKey": name},
		"nnmincidentcfgdump.ovpl": {"-dump": name, "-authorKey": name, "-name": name, "-mib": name, "-type": kind},
		"nnmincidentcfgload.ovpl": {"-load": name, "-validate": name},
	}
	lines := regexp.MustCompile(`(?m)^ {7}(nnm.*)$`).FindAllStringSubmatch(page, -1)
	if len(lines) != 5 {
		return fmt.Errorf("there are %d commands", len(lines))
	}
	for _, l := range lines {
		words := strings.Fields(l[1])
		for i := 1; i < len(words); i += 2 {
			form, ok := forms[words[0]][words[i]]
			if !ok || i+1 == len(words) || !regexp.MustCompile("^"+form+"$").MatchString(words[i+1]) {
				return fmt.Errorf("%s has no %s, or with another value", words[0], words[i])
			}
		}
	}
	return nil
}
