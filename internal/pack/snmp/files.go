// Package snmp makes alerts/snmp: the MIB, a list of the notifications, and
// examples for net-snmp's snmptrapd and for snmptt.
package snmp

import (
	"embed"
	"strings"
	"text/template"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/pack"
)

//go:embed templates
var templates embed.FS

// Files returns the files of the folder by their names, for a site.
func Files(site pack.Site) (map[string][]byte, error) {
	l, err := newList(site)
	if err != nil {
		return nil, err
	}
	table, err := l.csv()
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Funcs(template.FuncMap{"cell": cell, "code": code}).ParseFS(templates, "templates/*")
	if err != nil {
		return nil, err
	}
	var list []pack.File
	for _, name := range []string{"README.md", "traps.md", "snmptrapd.conf", "snmptt.conf", "snmptt.ini"} {
		list = append(list, pack.File{Name: name, Template: name, Data: l})
	}
	files, err := pack.Execute(t, list)
	if err != nil {
		return nil, err
	}
	files[site.MIB.Module+".txt"], files["traps.csv"] = mib.Generate(site.MIB), table
	return files, nil
}

// cell makes a text fit for a cell of a Markdown table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}

// code is a text in code style, nothing for none.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
