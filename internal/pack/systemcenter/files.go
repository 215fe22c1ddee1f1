// Package systemcenter makes alerts/system-center: management packs for System
// Center Operations Manager, unsealed, and the settings of its web availability
// monitoring.
package systemcenter

import (
	"embed"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"text/template"

	"github.com/idp-exporter/idp_exporter/docs"
	"github.com/idp-exporter/idp_exporter/internal/pack"
)

//go:embed templates
var templates embed.FS

// release is the version of the packs but for its last part, which is the
// site's. Raise it whenever they change (a test remembers what they were): a
// management group may take an import of the same version for what it has.
const release = "1.1.0"

func versionOf(site pack.Site) string { return fmt.Sprintf("%s.%d", release, site.Revision) }

// The settings for /testall: how often it is asked, in seconds, how long an
// answer may take, in seconds, and from which status on it is an error.
const (
	webInterval = 60
	webTimeout  = 30
	webError    = 400
)

// Files returns the files of the folder by their names, for a site.
func Files(site pack.Site) (map[string][]byte, error) {
	library, err := newLibrary(site, docs.Files)
	if err != nil {
		return nil, err
	}
	script, err := templates.ReadFile("templates/check.ps1")
	if err != nil {
		return nil, err
	}
	snmp, err := newSNMP(site, library)
	if err != nil {
		return nil, err
	}
	overHTTP, err := newHTTP(site, library, string(script))
	if err != nil {
		return nil, err
	}
	web, err := newWeb(site, library)
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Funcs(template.FuncMap{
		"esc": escape,
		"inc": func(i int) string { return strconv.Itoa(i + 1) },
		"vb":  func(name string) (string, error) { return varbind(site.MIB, name) },
	}).ParseFS(templates, "templates/*.tmpl")
	if err != nil {
		return nil, err
	}
	page := readme{site, snmp, overHTTP, web}
	files, err := pack.Execute(t, []pack.File{
		{Name: snmp.ID + ".xml", Template: "snmp.xml.tmpl", Data: snmp},
		{Name: overHTTP.ID + ".xml", Template: "http.xml.tmpl", Data: overHTTP},
		{Name: web.ID + ".xml", Template: "web.xml.tmpl", Data: web},
		{Name: "README.md", Template: "README.md.tmpl", Data: page},
		{Name: "web-availability.md", Template: "web-availability.md.tmpl", Data: page},
	})
	if err != nil {
		return nil, err
	}
	files["check.ps1"] = script
	return files, nil
}

type readme struct {
	Site pack.Site
	SNMP snmpPack
	HTTP httpPack
	Web  webPack
}

func escape(s string) (string, error) {
	var b strings.Builder
	err := xml.EscapeText(&b, []byte(s))
	// Line breaks and quotes may stand as they are in text; scripts stay readable so.
	return strings.NewReplacer("&#xA;", "\n", "&#34;", `"`, "&#39;", "'", "&#x9;", "\t").Replace(b.String()), err
}
