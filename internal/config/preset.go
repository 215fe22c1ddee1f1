package config

import (
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
	"github.com/idp-exporter/idp_exporter/internal/preset"
	"github.com/idp-exporter/idp_exporter/probes/login"
)

// presetUse is a provider that has a preset.
type presetUse struct {
	path     string // of the provider
	name     string
	provider preset.Provider
	settings map[string]preset.Value
	unfilled bool // settings have marks of what is to be filled in
}

// usePreset notes a provider's preset. Presets are expanded after the file's own
// probes, which take precedence.
func (l *loader) usePreset(path string, p *Provider, raw providerFile, hasIssuer bool) {
	if raw.Preset == "" {
		if raw.PresetSettings != nil {
			l.doc.Add(path+".preset_settings", false, "there is no preset to set; add preset, one of %s", list(preset.Names()))
		}
		return
	}
	l.preset = true
	if !hasIssuer || l.doc.Mistaken(path+".preset_settings") {
		l.config.unexpanded[path] = true
		return
	}
	settings := make(map[string]preset.Value, len(raw.PresetSettings))
	for key, text := range raw.PresetSettings {
		at := l.doc.Position(path + ".preset_settings." + key)
		unfilled := l.doc.Failed(path + ".preset_settings." + key)
		if unfilled {
			text = strict.Unknown // to be printed
		}
		settings[key] = preset.Value{Text: text, Line: at.Line, Column: at.Column, Unfilled: unfilled}
	}
	l.presets = append(l.presets, presetUse{
		path: path, name: raw.Preset, settings: settings, unfilled: l.doc.Failed(path + ".preset_settings"),
		provider: preset.Provider{Name: p.Name, Issuer: p.IssuerURL(), Nodes: p.Nodes, Discovers: p.Discover != nil},
	})
}

// expandPresets adds the probes of presets as if they stood in the file where
// the preset does. One whose name is taken, by the file's own probe, is left out.
func (l *loader) expandPresets() {
	for _, u := range l.presets {
		u.provider.SignsIn = l.signsIn(u.provider.Name)
		nodes, problems := preset.Expand(u.name, u.provider, u.settings)
		l.report(u.path, problems)
		for i, n := range nodes {
			if _, taken := l.taken[nameOf(n)]; taken {
				continue
			}
			at := l.doc.Position(u.path + ".preset")
			path := u.path + ".preset[" + strconv.Itoa(i) + "]"
			place(n, at.Line, at.Column)
			l.doc.Note(path, n)
			l.config.expanded = append(l.config.expanded, n)
			if !u.unfilled { // else it has the marks, which have been told
				l.probe(path, n)
			}
		}
	}
}

// signsIn tells whether a probe of the file's own signs in at a provider.
func (l *loader) signsIn(provider string) bool {
	return slices.ContainsFunc(l.config.Probes, func(p *Probe) bool {
		_, signsIn := p.Options.(interface{ LoginOptions() *login.Options })
		return signsIn && p.Provider != nil && p.Provider.Name == provider
	})
}

// place puts a node, and all in it, that stands nowhere at a place of the file.
func place(n *yaml.Node, line, column int) {
	if n.Line == 0 {
		n.Line, n.Column = line, column
	}
	for _, c := range n.Content {
		place(c, line, column)
	}
}

// nameOf returns the text of a mapping's key `name`.
func nameOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			return n.Content[i+1].Value
		}
	}
	return ""
}
