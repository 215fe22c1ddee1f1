// Package tivoli makes alerts/tivoli: rules and lookups for the probes of
// Netcool/OMNIbus, an automation for its ObjectServer, and classes for Tivoli
// Enterprise Console.
package tivoli

import (
	"embed"
	"strconv"
	"text/template"

	"github.com/idp-exporter/idp_exporter/internal/pack"
)

//go:embed templates
var templates embed.FS

// Files returns the files of the folder by their names, for a site.
func Files(site pack.Site) (map[string][]byte, error) {
	m := newModel(site)
	t, err := template.New("").Funcs(template.FuncMap{
		"name": func(name string) (string, error) { v, err := m.position(name); return v.Name, err },
		"var": func(name string) (string, error) {
			v, err := m.position(name)
			return "$" + strconv.Itoa(v.Position), err
		},
	}).ParseFS(templates, "templates/*")
	if err != nil {
		return nil, err
	}
	var files []pack.File
	for name, from := range m.layout() {
		files = append(files, pack.File{Name: name, Template: from, Data: m})
	}
	return pack.Execute(t, files)
}

// layout tells which template makes which file.
func (m *model) layout() map[string]string {
	snmp := "include-snmptrap/" + m.Prefix + "/"
	return map[string]string{
		"README.md": "README.md",
		snmp + m.Prefix + ".master.include.lookup":               "master.lookup",
		snmp + m.Prefix + ".master.include.rules":                "master.rules",
		snmp + m.Agent + ".include.snmptrap.lookup":              "snmptrap.lookup",
		snmp + m.Agent + ".sev.snmptrap.lookup":                  "sev.lookup",
		snmp + m.Agent + ".include.snmptrap.rules":               "snmptrap.rules",
		snmp + m.Agent + ".adv.include.snmptrap.rules":           "adv.rules",
		snmp + m.Agent + ".user.include.snmptrap.rules":          "user.rules",
		"eif/" + m.Prefix + ".include.eif.rules":                 "eif.rules",
		"messagebus/message_bus_" + m.Prefix + ".rules":          "messagebus.rules",
		"messagebus/message_bus_" + m.Prefix + ".props":          "messagebus.props",
		"messagebus/" + m.Prefix + "WebhookTransport.properties": "webhook.properties",
		"messagebus/" + m.Prefix + "_parser.json":                "parser.json",
		"objectserver/" + m.Prefix + "_exporter.sql":             "objectserver.sql",
		"tec/" + program + ".baroc":                              "baroc",
	}
}
