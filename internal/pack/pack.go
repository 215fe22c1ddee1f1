// Package pack is what all artifacts for consoles are stamped with and made
// from, so that no two of them can disagree.
//
// It owns no artifact: each console has a room of its own, and internal/assets
// gathers them.
package pack

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/template"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// DefaultOID is the base OID of what the project's own files hold.
const DefaultOID = mib.DefaultBase

// DefaultURL is where links lead unless another site is given: the project's own
// files.
const DefaultURL = "https://github.com/idp-exporter/idp_exporter/blob/main/"

// Site is what artifacts are stamped with.
type Site struct {
	// MIB is the place of the MIB in the tree of names, and the prefix of the
	// names in it.
	MIB mib.Model
	// URL is the root of docs/ and docs/runbooks/, final slash included.
	URL string
	// Revision is the last part of the version of packs that have one. It is to
	// be raised where others of the same names were imported already.
	Revision uint16
}

// New returns the site for a base OID, a prefix of names and a URL; each may be
// empty and is then the default.
func New(oid, prefix, site string) (Site, error) {
	model, err := mib.New(oid)
	if err != nil {
		return Site{}, fmt.Errorf("base OID: %w", err)
	}
	if prefix != "" {
		model.Prefix = prefix
		if err := model.Check(); err != nil {
			return Site{}, fmt.Errorf("prefix: %w", err)
		}
	}
	if site == "" {
		site = DefaultURL
	}
	u, err := url.Parse(site)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Site{}, errors.New("the site's URL is to be http or https with a host, without user, query and fragment, such as https://wiki.example.com/idp/")
	}
	return Site{MIB: model, URL: strings.TrimSuffix(site, "/") + "/"}, nil
}

// Runbook returns the address of a page below docs/runbooks/, such as
// "IdPSignInDown"; of the list of them for the empty name.
func (s Site) Runbook(name string) string {
	if name == "" {
		name = "README"
	}
	return s.URL + "docs/runbooks/" + name + ".md"
}

// File is a file to be made of a template.
type File struct {
	Name, Template string
	Data           any
}

// Execute makes files of templates, and returns them by name.
func Execute(t *template.Template, files []File) (map[string][]byte, error) {
	made := make(map[string][]byte, len(files))
	for _, f := range files {
		var b bytes.Buffer
		if err := t.ExecuteTemplate(&b, f.Template, f.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		made[f.Name] = b.Bytes()
	}
	return made, nil
}
