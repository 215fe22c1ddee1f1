// Package dashboards carries the Grafana dashboards and their provisioning files.
//
// The dashboards are made by internal/dashboards; change them there and run
// go generate.
package dashboards

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:generate go run ../internal/dashboards/generate .
//go:generate env UPDATE_GOLDEN=1 go test -count=1 -v -run TestThePicturesOfTheDashboards ../test

//go:embed *.json README.md provisioning
var files embed.FS

// Site is where the links of the files as they are stored lead to: the root of
// the project's own files, final slash included.
const Site = "https://github.com/idp-exporter/idp_exporter/blob/main/"

// Render returns the files by their slash-separated names, with links to runbooks
// and documentation that begin with site in place of [Site]. An empty site
// changes nothing. It fails only if the files that the program carries cannot be read.
func Render(site string) (map[string][]byte, error) {
	if site == "" {
		site = Site
	}
	if !strings.HasSuffix(site, "/") {
		site += "/"
	}
	rendered := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".json" {
			content = bytes.ReplaceAll(content, []byte(Site), escaped(site))
		}
		rendered[name] = content
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the dashboards in the program: %w", err)
	}
	return rendered, nil
}

// escaped writes a text as it stands inside a string of JSON.
func escaped(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil { // no string fails
		return nil
	}
	return b[1 : len(b)-1]
}
