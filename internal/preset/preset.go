// Package preset holds the standard probes of well-known identity providers and
// expands them, as YAML, for one of the configuration.
//
// It owns what is watched of which provider, and by which marks a provider is
// recognized. What the probes' settings mean is the business of their kinds; it
// knows no network and holds no secret.
package preset

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/probes"
)

//go:embed presets/*.yml
var files embed.FS

// The names of the presets.
const (
	Auth0Appliance = "auth0-appliance"
	Auth0          = "auth0"
	Keycloak       = "keycloak"
	Dex            = "dex"
	Hydra          = "hydra"
	Authentik      = "authentik"
	ZITADEL        = "zitadel"
	Generic        = "generic"
)

// Names lists the presets.
func Names() []string {
	return []string{Auth0Appliance, Auth0, Keycloak, Dex, Hydra, Authentik, ZITADEL, Generic}
}

// common has the probes that every preset begins with.
const common = "common"

// Setting is something that a preset cannot know.
type Setting struct {
	// Name is its key in preset_settings.
	Name string
	// About says what it is, Example what it may look like.
	About, Example string
	// Default is what it is without being set; placeholders are filled in.
	Default string
	// Needed tells that probes are left out, with a warning, while it is not set.
	Needed bool
	// DefaultBelow restricts the default to issuers below that domain.
	DefaultBelow string `yaml:"default_below"`
	// URL tells that it has to be an absolute URL, Host that it is a host's name;
	// Choices, if any, are all it may be.
	URL, Host bool
	Choices   []string
	// List tells that it is a list, separated by commas.
	List bool
}

// Value is what a setting was given, and where that stands in the file.
type Value struct {
	Text         string
	Line, Column int
	// Unfilled tells that it is a mark of what is to be filled in.
	Unfilled bool

	list []string // of a setting that is one
}

// file is a preset as it is written in the folder presets.
type file struct {
	About    string             `yaml:"about"`
	Severity probes.Severity    `yaml:"severity"` // of the common probes
	Settings map[string]Setting `yaml:"settings"`
	Probes   []yaml.Node        `yaml:"probes"`
}

// About says in a few words what a preset is for.
func About(name string) string {
	f, err := read(name)
	if err != nil {
		return ""
	}
	return f.About
}

// Settings lists the settings of a preset, by name; none for a preset that
// there is not.
func Settings(name string) []Setting {
	f, err := read(name)
	if err != nil {
		return nil
	}
	all := make([]Setting, 0, len(f.Settings))
	for key, s := range f.Settings {
		s.Name = key
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// read returns a preset of the folder, common probes first.
func read(name string) (*file, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("%q is not a preset; use one of %s", name, strings.Join(Names(), ", "))
	}
	f, err := parse(name)
	if err != nil {
		return nil, err
	}
	base, err := parse(common)
	if err != nil {
		return nil, err
	}
	if f.Severity != "" {
		for i := range base.Probes {
			set(&base.Probes[i], "severity", scalar(string(f.Severity)))
		}
	}
	f.Probes = append(base.Probes, f.Probes...)
	for key, s := range base.Settings {
		if f.Settings == nil {
			f.Settings = make(map[string]Setting)
		}
		if _, own := f.Settings[key]; !own {
			f.Settings[key] = s
		}
	}
	return f, nil
}

func parse(name string) (*file, error) {
	content, err := files.ReadFile(path.Join("presets", name+".yml"))
	if err != nil {
		return nil, fmt.Errorf("preset %s: %w", name, err)
	}
	var f file
	if err := yaml.Unmarshal(content, &f); err != nil {
		return nil, fmt.Errorf("preset %s: %w", name, err)
	}
	for i := range f.Probes {
		bare(&f.Probes[i])
	}
	return &f, nil
}
