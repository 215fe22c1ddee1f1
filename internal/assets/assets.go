// Package assets gathers everything that is imported rather than written: rules,
// dashboards, runbooks, examples and the packs for consoles.
//
// It owns where each file goes. The layout is that of the project itself, so that
// links between the files hold and writing them with the defaults over a
// checkout changes nothing.
package assets

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/idp-exporter/idp_exporter/alerts"
	"github.com/idp-exporter/idp_exporter/dashboards"
	"github.com/idp-exporter/idp_exporter/docs"
	"github.com/idp-exporter/idp_exporter/examples"
	"github.com/idp-exporter/idp_exporter/internal/pack"
	"github.com/idp-exporter/idp_exporter/internal/pack/openview"
	"github.com/idp-exporter/idp_exporter/internal/pack/snmp"
	"github.com/idp-exporter/idp_exporter/internal/pack/systemcenter"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli"
)

// embedded are the files that are written as they lie in the project; links are
// stamped, and the base OID in the examples.
func embedded() map[string]embed.FS {
	return map[string]embed.FS{"alerts": alerts.Files, "docs": docs.Files, "examples": examples.Files}
}

// packs are what is made for consoles, by folder.
func packs() map[string]func(pack.Site) (map[string][]byte, error) {
	return map[string]func(pack.Site) (map[string][]byte, error){
		"alerts/openview":      openview.Files,
		"alerts/snmp":          snmp.Files,
		"alerts/system-center": systemcenter.Files,
		"alerts/tivoli":        tivoli.Files,
		"dashboards":           func(s pack.Site) (map[string][]byte, error) { return dashboards.Render(s.URL) },
	}
}

// Files returns all files for a site by their slash-separated names.
func Files(site pack.Site) (map[string][]byte, error) {
	all := make(map[string][]byte)
	for folder, files := range embedded() {
		if err := add(all, folder, files, site); err != nil {
			return nil, fmt.Errorf("reading %s in the program: %w", folder, err)
		}
	}
	for folder, make := range packs() {
		files, err := make(site)
		if err != nil {
			return nil, fmt.Errorf("making %s: %w", folder, err)
		}
		for name, content := range files {
			all[path.Join(folder, name)] = content
		}
	}
	return all, nil
}

func add(all map[string][]byte, folder string, files embed.FS, site pack.Site) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, ".go") {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		content = bytes.ReplaceAll(content, []byte(pack.DefaultURL), []byte(site.URL))
		if folder == "examples" { // docs/ tell of the default
			content = bytes.ReplaceAll(content, []byte(pack.DefaultOID), []byte(site.MIB.Base.String()))
		}
		all[path.Join(folder, name)] = content
		return nil
	})
}
