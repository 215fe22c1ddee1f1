// Package openview makes alerts/openview: what Network Node Manager, NNMi,
// OpenView Operations, OMi and Operations Bridge Manager are to know of the
// exporter's alarms.
package openview

import (
	"bytes"
	"embed"
	"encoding/xml"
	"text/template"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/probes"
)

//go:embed templates
var templates embed.FS

// Files returns the files of the folder by their names, for a site.
func Files(site pack.Site) (map[string][]byte, error) {
	m, err := newModel(site)
	if err != nil {
		return nil, err
	}
	t, err := template.ParseFS(templates, "templates/*")
	if err != nil {
		return nil, err
	}
	files := []pack.File{
		{Name: "README.md", Template: "README.md", Data: m}, {Name: "opcmsg.yml", Template: "opcmsg.yml", Data: m},
		{Name: "nnm/trapd.conf", Template: "trapd.conf", Data: m}, {Name: "nnmi/steps.md", Template: "nnmi.md", Data: m},
		{Name: "ovo/" + m.Prefix + "-trap.tmpl", Template: "trap.tmpl", Data: m}, {Name: "obm/mapping.md", Template: "obm.md", Data: m},
	}
	for name, event := range examples() {
		files = append(files, pack.File{Name: "obm/" + name, Template: "obm.xml", Data: event.escaped()})
	}
	return pack.Execute(t, files)
}

// obmEvent is an event of the event web service.
type obmEvent struct{ Title, Description, Severity, Object, Key, Pattern, Program string }

// examples are the events of one alarm, and a heartbeat, by their files.
func examples() map[string]obmEvent {
	const key, pattern = keyPrefix + ":login-n1-3f9c:", keyPrefix + ":login-n1-3f9c:<*>"
	cleared := bridges.ConsoleOf(bridges.Cleared).OpenView
	return map[string]obmEvent{
		"raise.xml": {Title: "login on shop (n1)", Description: "step token: timeout after 5 s", Severity: bridges.ConsoleOf(probes.Major).OpenView,
			Object: "shop (n1)", Key: key + string(probes.Major), Pattern: pattern},
		"clear.xml": {Title: "cleared: login on shop (n1)", Description: "passes again", Severity: cleared,
			Object: "shop (n1)", Key: key + string(bridges.Cleared), Pattern: pattern},
		"heartbeat.xml": {Title: "heartbeat on exporter1", Description: "idp_exporter is alive", Severity: cleared,
			Object: "exporter1", Key: keyPrefix + ":heartbeat-exporter1:" + string(bridges.Cleared)},
	}
}

func (e obmEvent) escaped() obmEvent {
	e.Program = program
	for _, s := range []*string{&e.Title, &e.Description, &e.Object, &e.Key, &e.Pattern} {
		var b bytes.Buffer
		// A buffer takes everything.
		_ = xml.EscapeText(&b, []byte(*s))
		*s = b.String()
	}
	return e
}
